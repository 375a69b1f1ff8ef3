"""What the daemons of these tests serve, beside the examples."""

from __future__ import annotations

from typing import Any

from twisted_rpc import Context, method

__all__ = ["EVIL", "Events", "Hostile", "Vault"]

EVIL = "<img src=x onerror=alert(1)>\"'`${1}</script><b>&amp;\u202e\x07{{x}}"
"""Markup, quotes, templates, control characters."""


class Vault:
    """Not for everybody."""

    @method(access="read")
    def size(self) -> int:
        """How much is in it."""
        return 3

    @method(access="read")
    def open(self, password: str) -> bool:
        """Whether that opens it."""
        return password == "sesame"

    @method(access="secret")
    def combination(self) -> int:
        """What opens it, digit for digit."""
        return 9007199254740993


class Hostile:
    """Tries <script>alert(1)</script> to be more than text."""

    @method(name="<img/src=x/onerror=alert(1)>")
    def named(self, text: str = EVIL) -> str:
        """<b>Bold</b> "quoted" `${1}` & <script>alert(1)</script>

        </p><script>alert(2)</script>
        """
        return text

    @method
    def echo(self, value: Any) -> Any:
        """The same again."""
        return value


class Events:
    """Sends what it is told to."""

    @method
    def emit(self, ctx: Context, name: str, params: dict[str, Any], times: int = 1) -> None:
        """Notify the caller."""
        assert ctx.connection is not None
        for number in range(times):
            ctx.connection.notify(name, {**params, "number": number})
