"""What the daemons of these tests serve: methods that give back what they are given."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from twisted.web.resource import Resource
from twisted.web.server import Request
from twisted.web.static import File

from twisted_rpc import Context, method

HERE = Path(__file__).parent
POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    b"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

REGISTRY = CollectorRegistry()
CALLS = Counter("json_rpc_calls", "Calls.", ["method", "status"], registry=REGISTRY)
ERRORS = Counter("json_rpc_errors", "Errors.", ["code"], registry=REGISTRY)
DURATION = Histogram(
    "json_rpc_duration_seconds", "Seconds.", ["method"], registry=REGISTRY, buckets=(0.001, 0.01, 1)
)
CONNECTIONS = Gauge("json_rpc_connections", "Open.", ["transport"], registry=REGISTRY)
IN_FLIGHT = Gauge("json_rpc_in_flight", "That run.", registry=REGISTRY)
LAG = Gauge("json_rpc_reactor_lag_latest_seconds", "Seconds.", registry=REGISTRY)


class Echo:
    """Gives back its parameters."""

    @method
    def items(self, *args: Any) -> list[Any]:
        return list(args)

    @method
    def measured(self, name: str, seconds: float) -> None:
        """Count a call of that name as if it had taken so long."""
        CALLS.labels(name, "ok").inc()
        DURATION.labels(name).observe(seconds)

    @method
    def failed(self, code: int) -> None:
        """Count an error."""
        ERRORS.labels(str(code)).inc()

    @method
    def state(self, transport: str, count: int, lag: float) -> None:
        """Set what is measured at one moment."""
        CONNECTIONS.labels(transport).set(count)
        IN_FLIGHT.set(count)
        LAG.set(lag)

    @method
    def members(self, **kwargs: Any) -> dict[str, Any]:
        return kwargs

    @method
    def switch(self, off: bool) -> None:
        """Switch the page of what is measured off, or on again."""
        _Metrics.is_off = off

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
        pages.putChild(b"metrics", _Metrics())
        self.putChild(b"parts", pages)


class _Metrics(Resource):
    """What is measured, in the text format of Prometheus; 503 while it is switched off."""

    isLeaf = True
    is_off = False

    def render_GET(self, request: Request) -> bytes:
        if self.is_off:
            request.setResponseCode(503)
            return b""
        return generate_latest(REGISTRY)


class _Strict(File):
    """A page with the console's Content-Security-Policy."""

    def render_GET(self, request: Request) -> Any:
        request.setHeader(b"Content-Security-Policy", POLICY)
        return super().render_GET(request)
