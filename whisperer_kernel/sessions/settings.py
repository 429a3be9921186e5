"""What a session is set to: its mode, and the model that is asked."""

from __future__ import annotations

from collections.abc import Callable

from whisperer_kernel.ai.providers import with_model
from whisperer_kernel.errors import NotPermitted
from whisperer_kernel.events import Mode, ModeChanged, ModelChanged, ProviderInfo
from whisperer_kernel.sessions.log import SessionLog
from whisperer_kernel.sessions.services import Services
from whisperer_kernel.sessions.state import SessionState
from whisperer_kernel.tools.permissions import ORDER, effective


class Settings:
    """One session's."""

    def __init__(self, services: Services, session_log: SessionLog, state: Callable[[], SessionState]) -> None:
        self._services = services
        self._log = session_log
        self._state = state

    @property
    def mode(self) -> Mode:
        """What tools are permitted: as the session was told, and never more than the policy's highest mode."""
        return effective(self._state().mode, self._services.policy)

    async def provider(self) -> ProviderInfo:
        """Who answers here, and with which model."""
        info = await self._services.providers.info()
        return with_model(info, self._state().model_for(info.name))

    async def set_model(self, model: str) -> None:
        """Ask another model from the next turn on."""
        provider = with_model(await self._services.providers.info(), model)
        await self._log.append(ModelChanged(model=model, provider=provider))

    async def set_mode(self, mode: Mode) -> bool:
        """What tools are permitted from now on; whether that is a change.

        Never more than the policy's highest mode. Raises ``NotPermitted``.
        """
        highest = self._services.policy.highest_mode
        if ORDER.index(mode) > ORDER.index(highest):
            raise NotPermitted(f"This server permits no mode above {highest}.")
        if mode == self._state().mode:
            return False
        await self._log.append(ModeChanged(mode=mode))
        return True
