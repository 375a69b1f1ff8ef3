"""What the daemons of these tests serve: methods that give back what they are given."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

from twisted.web.resource import Resource
from twisted.web.server import Request
from twisted.web.static import File

from twisted_rpc import Context, method

HERE = Path(__file__).parent
POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    b"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class Echo:
    """Gives back its parameters."""

    @method
    def items(self, *args: Any) -> list[Any]:
        return list(args)

    @method
    def members(self, **kwargs: Any) -> dict[str, Any]:
        return kwargs

    @method
    def whoami(self, ctx: Context) -> str | None:
        identity: str | None = ctx.identity
        return identity


class Site(Resource):
    """A page that shows one part of the console, under the rules that the console has."""

    def __init__(self) -> None:
        super().__init__()
        pages = Resource()
        pages.putChild(b"", _Strict(str(HERE / "parts_harness.html")))
        for name in ("parts_harness.js", "parts_harness.css"):
            pages.putChild(name.encode(), File(str(HERE / name)))
        static = files("twisted_rpc.pages").joinpath("static")
        pages.putChild(b"console", File(str(static.joinpath("console"))))
        self.putChild(b"parts", pages)


class _Strict(File):
    """A page with the console's Content-Security-Policy."""

    def render_GET(self, request: Request) -> Any:
        request.setHeader(b"Content-Security-Policy", POLICY)
        return super().render_GET(request)
