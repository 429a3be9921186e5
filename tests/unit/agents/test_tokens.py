"""The token estimate: checked against counts of the embedded model's own tokenizer."""

from __future__ import annotations

import time

import pytest

from whisperer_kernel.agents.tokens import MESSAGE_OVERHEAD, cost, estimate
from whisperer_kernel.ai.provider import ChatMessage
from whisperer_kernel.tools.call import ToolRequest

SAMPLES = {
    "english": (
        (
            "The mean is taken over all values that are present, and then written into t"
            "he table. Please compare it with the run before."
        ),
        26,
    ),
    "code": (
        (
            "def moving_average(values, width):\n    if width < 1:\n        raise ValueErr"
            "or('width')\n    return [sum(values[i : i + width]) / width for i in range(l"
            "en(values) - width + 1)]\n"
        ),
        53,
    ),
    "pandas": (("top = df.groupby('customer_id')['amount'].sum().sort_values(ascending=False).head(10)"), 29),
    "traceback": (
        (
            'Traceback (most recent call last):\n  File "/home/u/pandas/core/indexes/base'
            ".py\", line 3805, in get_loc\nKeyError: 'amout'\n"
        ),
        45,
    ),
    "json": (
        ('[{"id": 1, "name": "user1", "active": true, "score": 0.8444}, {"id": 2, "name": "user2", "active": false}]'),
        48,
    ),
    "table": (
        ("    customer   amount      city\n0       1042   913.25    Berlin\n1       1043    88.10      Oslo\n"),
        38,
    ),
    "base64": (
        (
            "iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4//8/w38GIAXDIBK"
            "E0DHxgljNBAAO9TXL0Y4OHwAAAABJRU5ErkJggg=="
        ),
        78,
    ),
    "digest": ("b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53", 61),
    "german": (
        (
            "Die Überprüfung der Eingabewerte erfolgt, bevor die Berechnung beginnt; Grö"
            "ße und Änderungsdatum müssen übereinstimmen."
        ),
        51,
    ),
    "french": (("L'élève a été reçu à l'école où il étudiait déjà l'été dernier, grâce à sa persévérance."), 49),
    "russian": ("Проверка входных значений выполняется до начала вычислений.", 42),
    "chinese": ("在计算开始之前会检查输入值,缺失值将被平均值替换。请解释这段代码的作用。", 62),
    "japanese": ("計算を始める前に入力値を確認し、欠損値は平均値で置き換えます。", 55),
    "korean": ("계산을 시작하기 전에 입력값을 확인하고 누락된 값은 평균으로 대체합니다.", 85),
    "arabic": ("يتم التحقق من القيم المدخلة قبل بدء الحساب وتستبدل القيم المفقودة بالمتوسط.", 61),
    "emoji": ("🎉🚀👩‍💻🏳️‍🌈❤️🔥😀🧪🧭💡 done ✅ failed ❌", 50),
    "math": ("∑ᵢ xᵢ² ≤ ∫₀¹ f(x) dx → ∞, ∀ε>0 ∃δ: |x−y|<δ", 41),  # noqa: RUF001 - a minus sign is what is measured
}
"""By kind: a text, and how many tokens SmolLM2 makes of it."""


@pytest.mark.parametrize(("text", "counted"), SAMPLES.values(), ids=SAMPLES.keys())
def test_estimate_is_near_and_seldom_too_low(text: str, counted: int) -> None:
    """Within the error that the module states."""
    assert 0.9 * counted <= estimate(text) <= 2 * counted + 2


def test_nothing_costs_nothing() -> None:
    """An empty text is no token, an empty message what surrounds it."""
    assert estimate("") == 0
    assert cost(ChatMessage(role="user", content="")) == MESSAGE_OVERHEAD


def test_tool_calls_cost() -> None:
    """Name and arguments are sent as well."""
    request = ToolRequest(id="a", name="read_cell", arguments='{"cell": "a1b2"}')
    plain = ChatMessage(role="assistant", content="I look.")
    calling = ChatMessage(role="assistant", content="I look.", tool_calls=(request,))
    assert cost(calling) >= cost(plain) + estimate(request.arguments)


def test_lone_surrogates_are_counted() -> None:
    """Text that UTF-8 cannot carry does not stop a turn."""
    assert estimate("a\ud800b") > 0


@pytest.mark.parametrize("piece", ["a", " ", "1", "aB", "é", "文", "🎉", "+/", "\n"])
def test_time_grows_with_length_alone(piece: str) -> None:
    """No text makes the patterns go back and forth: a megabyte takes a moment."""
    began = time.process_time()
    estimate(piece * (1_000_000 // len(piece)))
    assert time.process_time() - began < 3
