"""The `twisted.web` of a site: loaded where there is one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.web.http import HTTPChannel
from twisted.web.resource import IResource
from twisted.web.server import Request, Site

__all__ = ["Channel", "site_for"]


class Channel(HTTPChannel):
    """`twisted.web`'s side of a line: tells when a request has been answered.

    Attributes:
        answered: told then whether the line stays open.
        identity: who has sent the request that is answered, as far as that was asked.
    """

    answered: Callable[[bool], None]
    identity: Any = None

    def requestDone(self, request: Request) -> None:
        """See `HTTPChannel.requestDone`."""
        persistent = self.persistent
        super().requestDone(request)
        if persistent:
            self.answered(True)

    def loseConnection(self) -> None:
        """See `HTTPChannel.loseConnection`."""
        super().loseConnection()
        self.answered(False)


class _Request(Request):
    """`twisted.web`'s request, which does not tell strangers which version answers them."""

    def render(self, resrc: IResource) -> None:
        self.responseHeaders.removeHeader(b"server")
        super().render(resrc)


def site_for(resource: IResource) -> Site:
    """A site for a resource, without timeouts of its own: ours hold."""
    site = Site(resource, requestFactory=_Request, timeout=None)
    site.protocol = Channel  # type: ignore[assignment,method-assign]  # its documented use
    return site
