"""What we serve while we are measured: an ordinary class, and a server that tells news.

It is started by `twistd rpc` like any other; nothing in it knows of the benchmarks.
"""

from __future__ import annotations

from typing import Any

from twisted_rpc import Server, method

__all__ = ["Calculator", "NewsServer"]


class Calculator:
    """Arithmetic, and an echo."""

    @method
    def add(self, a: float, b: float) -> float:
        """Add two numbers."""
        return a + b

    @method
    def echo(self, text: str) -> str:
        """Give a text back."""
        return text


class NewsServer(Server):
    """Notifies whoever is connected."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.expose("calc", Calculator())
        self.expose("news", News(self))


class News:
    """What there is to tell.

    Args:
        server: where those who are told are connected.
    """

    def __init__(self, server: Server) -> None:
        self._server = server

    @method
    def publish(self, count: int, params: list[str]) -> int:
        """Send everybody so many notifications."""
        for _ in range(count):
            self._server.notify_all("news", params)
        return count
