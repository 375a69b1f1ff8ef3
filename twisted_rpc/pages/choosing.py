"""Which pages a listener shows; none is loaded before somebody asks for one."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, cached_property, partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple, TypeVar

from twisted.logger import Logger
from twisted.web.resource import IResource

from twisted_rpc.config import WebTable
from twisted_rpc.errors import ConfigError
from twisted_rpc.listener import Listener
from twisted_rpc.server import Server
from twisted_rpc.transports.routing import Asks, Pages, Site
from twisted_rpc.transports.web import WebRules

__all__ = ["Chosen", "Place", "find", "pages_for"]

T = TypeVar("T")

_log = Logger()


class Place(NamedTuple):
    """A page before it is loaded.

    Attributes:
        key: of the listener, says whether the page is shown.
        asks: who has to say who they are to read it.
        module: of `twisted_rpc.pages`, has `page(chosen, path)`, which makes the `Page`.
    """

    key: str
    asks: Asks
    module: str


PLACES: Mapping[bytes, Place] = {
    b"/": Place("console", Asks.NOBODY, "console"),
    b"/console": Place("console", Asks.NOBODY, "console"),
    b"/console/": Place("console", Asks.NOBODY, "console"),
    b"/console/settings.json": Place("console", Asks.WHO_SAYS_SO, "console"),
    b"/client.d.ts": Place("client", Asks.NOBODY, "static"),
    b"/client.js": Place("client", Asks.NOBODY, "static"),
    b"/healthz": Place("health", Asks.NOBODY, "health"),
    b"/metrics": Place("metrics", Asks.EVERYBODY, "metrics"),
    b"/openrpc.json": Place("openrpc", Asks.EVERYBODY, "openrpc"),
    b"/readyz": Place("health", Asks.WHO_SAYS_SO, "health"),
}
"""All pages by their paths; one that ends with `/` has all below it, but for `/` itself."""

_FOR_OWN = frozenset({"console", "metrics"})
"""What is shown, unless a listener says otherwise, where only this machine reaches it."""


class Chosen:
    """The pages of one listener, and the application's site behind them.

    Args:
        server: what they tell of.
        listener: what the configuration says of it.
        table: what `[web]` says.
        site: the application's own pages.
        is_own: whether only this machine can reach it.

    Attributes:
        rules: what `[web]` says, as pages go by it.
        is_own: see above.
    """

    def __init__(
        self,
        server: Server,
        listener: Listener,
        table: WebTable,
        site: IResource | None,
        *,
        is_own: bool,
    ) -> None:
        self.server = server
        self.listener = listener
        self.rules = WebRules(table, listener.path)
        self._site = site
        self.is_own = is_own
        if self.shows("metrics"):
            server.measure()
        self._places = {path: place for path, place in PLACES.items() if self.shows(place.key)}
        if site is not None:
            self._places.pop(b"/", None)

    def shows(self, key: str) -> bool:
        """Whether a kind of page is shown here.

        Raises:
            ConfigError: what it needs is not installed.
        """
        if key == "openrpc" and not self.server.is_discoverable:
            return False
        said: bool | None = getattr(self.listener, key)
        if said is None and key == "console" and self.listener.client is False:
            return False  # it calls by that client
        if key == "metrics" and said is not False and not _has_prometheus():
            if said:
                missing = "metrics needs prometheus_client: pip install 'twisted_rpc[metrics]'"
                raise ConfigError(missing)
            return False
        if said is None:
            return self.is_own or key not in _FOR_OWN
        return said

    def shows_metrics_to(self, identity: Any) -> bool:
        """Whether somebody may read `/metrics` here; the rules take it for a method."""
        rights = self.server.rights_of(identity)
        levels = ("metrics", "admin")
        return self.shows("metrics") and any(rights.permit("rpc.metrics", each) for each in levels)

    def asks(self, path: bytes) -> Asks | None:
        """See `Pages.asks`."""
        place = find(self._places, path)
        if place is not None:
            return place.asks
        return None if self._site is None else Asks.NOBODY

    @cached_property
    def resource(self) -> IResource:
        """See `Pages.resource`."""
        from twisted_rpc.pages.tree import Tree

        pages = {}
        for path, place in self._places.items():
            module = import_module(f"twisted_rpc.pages.{place.module}")
            pages[path] = module.page(self, path)
        return Tree(partial(find, pages), self._site)


def find(places: Mapping[bytes, T], path: bytes) -> T | None:
    """What stands at a path, or has all that is below its first folder; None if nothing does."""
    found = places.get(path)
    if found is None and (end := path.find(b"/", 1) + 1):
        found = places.get(path[:end])
    return found


@cache
def _has_prometheus() -> bool:
    if find_spec("prometheus_client") is not None:
        return True
    _log.debug("no /metrics unless a listener asks for it: prometheus_client is not installed")
    return False


def pages_for(
    server: Server, listener: Listener, table: WebTable, site: IResource | None, *, is_own: bool
) -> Pages | None:
    """The pages of a listener; see `Chosen`."""
    if listener.transport in ("http", "hybrid") and listener.redirect is None:
        return Chosen(server, listener, table, site, is_own=is_own)
    return None if site is None else Site(site)
