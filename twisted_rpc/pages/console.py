"""`/console/`: a page to try methods on, with the files it is made of and what it has to know."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files

import msgspec
from twisted.cred.credentials import IAnonymous, IUsernamePassword
from twisted.web.server import Request

import twisted_rpc
from twisted_rpc.auth.credentials import IBearerToken
from twisted_rpc.pages.choosing import Chosen
from twisted_rpc.pages.page import Page, identity_of
from twisted_rpc.pages.static import File
from twisted_rpc.transports.web import JSON, Fields, Reply

__all__ = ["page"]

ADDRESS = b"/console/"

KINDS = {"password": IUsernamePassword, "token": IBearerToken, "anonymous": IAnonymous}
"""What somebody can log in with at a page, by the console's words for it."""

# Scripts, styles and pictures are files of our own, and nobody but this server is talked to:
# what a method answers cannot become more than text, whatever it looks like.
# It is `connect-src` that lets the page open a WebSocket to where it came from.
_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    b"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_OF_PAGE: Fields = (
    (b"Content-Security-Policy", _POLICY),
    (b"Referrer-Policy", b"no-referrer"),
    (b"Cross-Origin-Opener-Policy", b"same-origin"),
)


class _Redirection(Page):
    """Sends a browser on to the console; it may look for something else here tomorrow."""

    def reply(self, request: Request) -> Reply:
        """See `Page.reply`."""
        return Reply.text(303, "the console is at /console/", (b"Location", ADDRESS))


class _Settings(Page):
    """What the console has to know of the port, and of who asks, before anything is called.

    Args:
        chosen: what else the listener shows.
    """

    def __init__(self, chosen: Chosen) -> None:
        super().__init__(chosen.rules)
        self._chosen = chosen

    def reply(self, request: Request) -> Reply:
        """See `Page.reply`."""
        server, rules = self._chosen.server, self._chosen.rules
        identity, needs_login = identity_of(request), server.requires_authentication
        settings = {
            "version": twisted_rpc.__version__,
            "path": min(rules.paths, key=len).decode(),
            "requires_login": needs_login,
            "kinds": [
                name for name, kind in KINDS.items() if needs_login and server.logins.takes(kind)
            ],
            "identity": None if identity is None else str(identity),
            "metrics": self._chosen.shows_metrics_to(identity),
        }
        return Reply(200, msgspec.json.encode(settings), JSON)


class _Missing(Page):
    """Where the console has no file."""

    def reply(self, request: Request) -> Reply:
        """See `Page.reply`."""
        return Reply.text(404, "there is nothing here")


class _Folder(Page):
    """All that is below `/console/`, read at once: later it may be out of reach, or another's.

    Args:
        chosen: what else the listener shows.
    """

    def __init__(self, chosen: Chosen) -> None:
        super().__init__(chosen.rules)
        self._pages: dict[str, Page] = {
            "": File(chosen.rules, "console/index.html", _OF_PAGE),
            **{name: File(chosen.rules, f"console/{name}") for name in _names()},
        }
        self._missing = _Missing(chosen.rules)

    def render(self, request: Request) -> int:
        """See `Resource.render`."""
        assert request.path is not None
        name = request.path.removeprefix(ADDRESS).decode("latin-1")
        return self._pages.get(name, self._missing).render(request)


def _names() -> Iterator[str]:
    """The files of the console that a browser may have."""
    static = files("twisted_rpc.pages").joinpath("static", "console")
    for folder in ("", "vendor/"):
        for entry in static.joinpath(folder).iterdir():
            if entry.name.endswith((".js", ".css", ".svg")):
                yield folder + entry.name


def page(chosen: Chosen, path: bytes) -> Page:
    """The page of a path."""
    if path == ADDRESS:
        return _Folder(chosen)
    if path == ADDRESS + b"settings.json":
        return _Settings(chosen)
    return _Redirection(chosen.rules)
