"""What the daemon of the cases exposes."""

from __future__ import annotations

from twisted_rpc import method

__all__ = ["Service"]


class Service:
    """Answers with what it is told."""

    @method
    def echo(self, text: str) -> str:
        return text
