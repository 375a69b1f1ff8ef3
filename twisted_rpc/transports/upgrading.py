"""Lines of HTTP that become WebSockets, and when the code for that is loaded."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from threading import Thread
from typing import Any

from twisted_rpc.auth.portal import Login
from twisted_rpc.endpoint import Endpoint

__all__ = ["Upgrades"]


class Upgrades:
    """Makes the protocols of such lines.

    Args:
        endpoint: what the lines belong to.
        namespaces, urls: see `RPCFactory`.
    """

    def __init__(
        self, endpoint: Endpoint, namespaces: Collection[str] | None, urls: Sequence[str]
    ) -> None:
        self._endpoint = endpoint
        self._namespaces = namespaces
        self._urls = urls

    @staticmethod
    def load() -> None:
        """Begin to load WebSocket beside the reactor: to import Autobahn takes long."""
        with contextlib.suppress(RuntimeError):  # no thread is left: the first handshake loads it
            # Waited for at exit: an import that is cut off there may keep a lock for ever.
            Thread(target=_load).start()

    @cached_property
    def _factory(self) -> Any:
        from twisted_rpc.transports.websocket import WebSocketFactory

        return WebSocketFactory(self._endpoint, self._namespaces, self._urls)

    def protocol(self, headers: Mapping[str, str], login: Login | None) -> Any:
        """A protocol that takes a line over; arguments as of `WebSocketProtocol`."""
        return self._factory.take_over(headers, login)


def _load() -> None:
    import twisted_rpc.transports.websocket  # noqa: F401
