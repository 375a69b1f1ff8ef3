"""The Authorization header of the requests of one line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

from twisted_rpc.auth.portal import authenticated

__all__ = ["HeaderLogin"]


class HeaderLogin:
    """Who sends the requests of one line: asked once, as long as they say the same.

    Args:
        authenticate: the endpoint's.

    Attributes:
        identity: whose header it is that `knows` knows.
    """

    def __init__(self, authenticate: Callable[[Any], Any]) -> None:
        self.identity: Any = None
        self._authenticate = authenticate
        self._header: bytes | None = None

    def knows(self, header: bytes) -> bool:
        """Whether this Authorization header has proved who sends it."""
        return header == self._header

    def ask(self, header: bytes, credentials: Any) -> Deferred[Any]:
        """The identity that a header's credentials prove; see `authenticated`."""
        return authenticated(self._authenticate, credentials).addCallback(self._keep, header)

    def _keep(self, identity: Any, header: bytes) -> Any:
        self._header, self.identity = header, identity
        return identity
