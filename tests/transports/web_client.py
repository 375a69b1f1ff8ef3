"""A raw HTTP client: requests as bytes, answers taken apart."""

from __future__ import annotations

import json
from typing import Any, ClassVar, NamedTuple

from twisted.web.resource import IResource

from tests.helpers import request
from tests.transports.harness import Line, TransportTestCase
from twisted_rpc import Server
from twisted_rpc.config import WebTable
from twisted_rpc.transports.http import HTTPFactory
from twisted_rpc.transports.routing import Site

__all__ = ["JSON", "HTTPTestCase", "Reply", "get", "head", "post", "reply_to", "take_reply"]

JSON = "Content-Type: application/json"


class Reply(NamedTuple):
    """An answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)

    @property
    def code(self) -> int:
        """The code of the JSON-RPC error in the body."""
        code: int = self.json()["error"]["code"]
        return code


def head(first: str, *fields: str) -> bytes:
    """A request's head."""
    return "".join(f"{line}\r\n" for line in (first, *fields, "")).encode("latin-1")


def get(path: str, *fields: str, method: str = "GET") -> bytes:
    """A request without a body."""
    return head(f"{method} {path} HTTP/1.1", "Host: localhost", *fields)


def post(body: bytes, *fields: str, path: str = "/rpc", version: str = "1.1") -> bytes:
    """A call."""
    fields = ("Host: localhost", JSON, f"Content-Length: {len(body)}", *fields)
    return head(f"POST {path} HTTP/{version}", *fields) + body


def echo(value: Any, *fields: str, path: str = "/rpc", version: str = "1.1") -> bytes:
    """A call of `echo`."""
    return post(request("echo", [value]), *fields, path=path, version=version)


async def take_reply(line: Line, method: str = "POST") -> Reply:
    """The next answer on a line."""
    first, *fields = (await line.take_through(b"\r\n\r\n")).decode("latin-1").split("\r\n")[:-2]
    version, status, _ = first.split(" ", 2)
    assert version in ("HTTP/1.0", "HTTP/1.1")
    headers: dict[str, str] = {}
    for name, value in (field.split(": ", 1) for field in fields):
        assert name.lower() not in headers, f"{name} twice"
        headers[name.lower()] = value
    return Reply(int(status), headers, await _body(line, method, int(status), headers))


async def _body(line: Line, method: str, status: int, headers: dict[str, str]) -> bytes:
    if method == "HEAD" or status in (100, 101, 204, 304):
        return b""
    if headers.get("transfer-encoding") == "chunked":
        return await _chunks(line)
    if "content-length" in headers:
        return await line.take(int(headers["content-length"]))
    return await line.rest()


async def _chunks(line: Line) -> bytes:
    chunks = []
    while size := int((await line.take_through(b"\r\n"))[:-2], 16):
        chunks.append(await line.take(size))
        assert await line.take(2) == b"\r\n"
    assert await line.take(2) == b"\r\n"
    return b"".join(chunks)


async def reply_to(line: Line, data: bytes) -> Reply:
    """Send a request; its answer."""
    line.send(data)
    return await take_reply(line, data.partition(b" ")[0].decode())


class HTTPTestCase(TransportTestCase):
    """An HTTP port.

    Attributes:
        table: what `[web]` says.
        path: the only RPC path, if not None.
        posts: whether RPC by POST is served.
    """

    table: ClassVar[WebTable] = WebTable()
    path: ClassVar[str | None] = None
    posts: ClassVar[bool] = True

    def make_resource(self) -> IResource | None:
        """A resource for all other paths."""
        return None

    async def open(self) -> Line:
        """A client; the first one opens the port."""
        if not self.ports:
            await self.listen(self.make_factory(self.server))
        return await self.connect()

    def make_factory(self, server: Server) -> HTTPFactory:
        """What serves."""
        resource = self.make_resource()
        pages = None if resource is None else Site(resource)
        return HTTPFactory(server, self.table, self.path, pages, posts=self.posts)

    async def reply(self, data: bytes) -> Reply:
        """The answer to the first request of a new line, which remains open."""
        line = await self.open()
        return await reply_to(line, data)

    async def refusal(self, data: bytes) -> Reply:
        """The answer to a request after which the server closes, having run nothing."""
        line = await self.open()
        line.send(data)
        reply = await take_reply(line)
        self.assertEqual(reply.headers.get("connection"), "close")
        self.assertEqual(await line.rest(), b"")
        line.half_close()
        await self.gone()
        self.assertEqual(self.methods.ran, [])
        return reply
