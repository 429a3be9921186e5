"""A package that brings tools: what another's may look like, and a few that behave as badly as tools can."""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec

from whisperer_kernel.tools.registry import ToolRegistry
from whisperer_kernel.tools.tool import CarriedOutByClient, ToolContext, ToolFailed, tool

City = Annotated[str, msgspec.Meta(min_length=1, max_length=80, description="A city's name.")]
LAYERS: dict[str, str] = {}


@tool(effect="read", tags={"weather"})
async def forecast(context: ToolContext, city: City, days: Annotated[int, msgspec.Meta(ge=1, le=7)] = 1) -> str:
    """The weather to come."""
    if city == "Atlantis":
        raise ToolFailed("There is no weather in Atlantis.")
    return f"{city}: rain for {days} days, says {context.agent}."


@tool(effect="run", tags={"weather"}, granted=("city",), preview=lambda given: f"Order an umbrella to {given['city']}.")
async def order_umbrella(context: ToolContext, city: City, color: str = "black") -> str:  # noqa: ARG001 - as it is
    """Order an umbrella."""
    return f"A {color} umbrella is on its way to {city}."


@tool(effect="read", tags={"weather"}, result_chars=1_000)
async def whole_climate(context: ToolContext) -> str:  # noqa: ARG001 - as it is
    """Ten megabytes of weather."""
    return "rain " * 2_000_000


@tool(effect="read", tags={"weather"}, timeout_s=0.3)
async def wait_for_sun(context: ToolContext) -> str:  # noqa: ARG001 - as it is
    """Wait, and wait."""
    await asyncio.get_running_loop().create_future()
    return "sun"


@tool(effect="read", tags={"weather"}, timeout_s=60)
async def wait_all_day(context: ToolContext) -> str:  # noqa: ARG001 - as it is
    """Wait for a minute."""
    await asyncio.sleep(60)
    return "night"


@tool(effect="read", tags={"weather"}, timeout_s=0.3)
async def ignore_the_clock(context: ToolContext) -> str:  # noqa: ARG001 - as it is
    """Go on whatever anybody says."""
    while True:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            await asyncio.sleep(2)
            return "late"


@tool(effect="read", tags={"weather"}, executor="client", timeout_s=0.3, result_chars=1_000)
async def ask_the_neighbour(context: ToolContext, city: City) -> str:  # noqa: ARG001 - a description
    """Ask somebody who lives there."""
    raise CarriedOutByClient


@tool(effect="read", tags={"weather"})
async def break_the_barometer(context: ToolContext) -> str:  # noqa: ARG001 - as it is
    """Fail."""
    raise ValueError("the barometer broke")


@tool(effect="read", tags={"weather"})
async def dig(context: ToolContext, city: City) -> str:  # noqa: ARG001 - as it is
    """Dig for old weather, and find none."""
    return LAYERS[city]


@tool(
    effect=lambda given: "read" if LAYERS[given["city"]] else "run",
    tags={"weather"},
    granted=lambda given: (LAYERS[given["city"]],),
    preview=lambda given: f"Seed the clouds over {LAYERS[given['city']]}.",
)
async def seed_the_clouds(context: ToolContext, city: City) -> str:  # noqa: ARG001 - as it is
    """Make rain; what that does, and where, and what a yes would hold for, nobody can tell beforehand."""
    return f"It rains in {city}."


@tool(effect="read", tags={"weather"})
async def stop_the_world(context: ToolContext) -> str:  # noqa: ARG001 - as it is
    """Try to end the process."""
    raise SystemExit(3)


@tool(effect="read", tags={"weather"})
async def cancel_the_day(context: ToolContext) -> str:  # noqa: ARG001 - as it is
    """Raise what nobody asked for."""
    raise asyncio.CancelledError


@tool(effect="read", tags={"weather"})
async def look_outside(context: ToolContext) -> str:
    """Ask the one who is there."""
    return f"They say: {await context.ask_client('look', {})}"


def register(registry: ToolRegistry) -> None:
    """Add them."""
    for one in (
        forecast,
        order_umbrella,
        whole_climate,
        wait_for_sun,
        wait_all_day,
        ignore_the_clock,
        ask_the_neighbour,
        break_the_barometer,
        dig,
        seed_the_clouds,
        stop_the_world,
        cancel_the_day,
        look_outside,
    ):
        registry.register(one)
