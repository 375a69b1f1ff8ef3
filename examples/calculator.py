"""The first five minutes: a class, exposed as it is.

twistd -n rpc --config etc/calculator.toml
"""

from __future__ import annotations

from collections import deque

from twisted_rpc import Context, Example, RPCError, method

DIVISION_BY_ZERO = 1
"""Our own error code: applications choose theirs outside -32768..-32000."""


class Calculator:
    """Arithmetic, and a memory of what was asked."""

    def __init__(self) -> None:
        self._history: deque[str] = deque(maxlen=1000)

    @method(examples=[Example([2, 3], 5)])
    def add(self, a: float, b: float) -> float:
        """Add two numbers."""
        return self._remember(f"{a:g} + {b:g}", a + b)

    @method(examples=[Example({"minuend": 42, "subtrahend": 23}, 19, "by name")])
    def subtract(self, minuend: float, subtrahend: float) -> float:
        """Subtract the second number from the first."""
        return self._remember(f"{minuend:g} - {subtrahend:g}", minuend - subtrahend)

    @method(examples=[Example([1.5, 4], 6)])
    def multiply(self, a: float, b: float) -> float:
        """Multiply two numbers."""
        return self._remember(f"{a:g} * {b:g}", a * b)

    @method(
        errors=[RPCError(DIVISION_BY_ZERO, "division by zero", {"dividend": 1})],
        examples=[Example([1, 4], 0.25)],
    )
    def divide(self, dividend: float, divisor: float) -> float:
        """Divide the first number by the second."""
        if divisor == 0:
            raise RPCError(DIVISION_BY_ZERO, "division by zero", {"dividend": dividend})
        return self._remember(f"{dividend:g} / {divisor:g}", dividend / divisor)

    @method(name="history", access="read", timeout=2.0)
    async def recent(self, ctx: Context, limit: int = 10) -> list[str]:
        """The last calculations, newest last.

        Each is a text such as `1 + 2 = 3`; there are `limit` of them at most.
        """
        return list(self._history)[-limit:] if limit > 0 else []

    def _remember(self, calculation: str, result: float) -> float:
        self._history.append(f"{calculation} = {result:g}")
        return result
