"""The methods of the far side as attributes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

__all__ = ["Proxy"]


class Proxy:
    """`proxy.calc.add(1, 2)` calls `calc.add` with `[1, 2]`, keywords by name.

    Args:
        call: a connection's `call`.
        name: what the attributes so far have spelt.
    """

    __slots__ = ("_call", "_name")

    def __init__(self, call: Callable[..., Deferred[Any]], name: str = "") -> None:
        self._call = call
        self._name = name

    def __getattr__(self, name: str) -> Proxy:
        if name.startswith("__"):
            raise AttributeError(name)
        return Proxy(self._call, f"{self._name}.{name}" if self._name else name)

    def __call__(self, *args: Any, **kwargs: Any) -> Deferred[Any]:
        """Call what the name has become.

        Raises:
            TypeError: positions and names are mixed, which JSON-RPC cannot say.
        """
        if args and kwargs:
            raise TypeError(f"{self._name}: give parameters by position or by name, not both")
        return self._call(self._name, list(args) or kwargs or None)

    def __repr__(self) -> str:
        return f"<Proxy {self._name or 'of a connection'}>"
