"""Files that belong to the package: scripts, their types, the console."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib.resources import files

from twisted.web.server import Request

from twisted_rpc.pages.choosing import Chosen
from twisted_rpc.pages.page import Page, is_known
from twisted_rpc.transports.web import Fields, Reply, WebRules

__all__ = ["File", "page"]

_TYPES = {
    "css": b"text/css; charset=utf-8",
    "html": b"text/html; charset=utf-8",
    "js": b"text/javascript; charset=utf-8",  # RFC 9239, section 6
    "svg": b"image/svg+xml",
    "ts": b"application/typescript; charset=utf-8",
}
"""Content types by what a name ends with."""

_FURTHER: Mapping[str, Fields] = {
    # Where Deno and its like find the types of a script that they fetch.
    "client.js": ((b"X-TypeScript-Types", b"./client.d.ts"),),
}
"""Header fields that belong to a single file."""


class File(Page):
    """A file of `twisted_rpc/pages/static/`; a browser asks each time whether it has changed.

    It is read when it is made, so that nobody waits for a disk afterwards, and every request
    of a release of the package is answered with the same bytes.

    Args:
        rules: what `[web]` says.
        name: of the file, with `/` between directories.
        headers: further header fields of its answers.
    """

    def __init__(self, rules: WebRules, name: str, headers: Fields = ()) -> None:
        super().__init__(rules)
        self._body = files("twisted_rpc.pages").joinpath("static", *name.split("/")).read_bytes()
        self._type = _TYPES[name.rpartition(".")[2]]
        self._tag = b'"%b"' % hashlib.sha256(self._body).hexdigest()[:32].encode()
        # no-cache lets it be stored, and used when the server says that it is still the same.
        self._headers = ((b"ETag", self._tag), (b"Cache-Control", b"no-cache"), *headers)

    def reply(self, request: Request) -> Reply:
        """See `Page.reply`."""
        if is_known(request, self._tag):
            return Reply(304, b"", headers=self._headers)
        return Reply(200, self._body, self._type, self._headers)


def page(chosen: Chosen, path: bytes) -> File:
    """The file of a path; of a directory, its `index.html`."""
    name = path.decode().removeprefix("/")
    if name.endswith("/"):
        name += "index.html"
    return File(chosen.rules, name, _FURTHER.get(name, ()))
