"""A server whose port has the pages that a daemon's has."""

from __future__ import annotations

from typing import Any

from twisted.web.resource import IResource

from tests.transports.web_client import HTTPTestCase
from twisted_rpc import Server
from twisted_rpc.listener import Listener
from twisted_rpc.pages.choosing import pages_for
from twisted_rpc.transports.http import HTTPFactory

__all__ = ["PagesTestCase"]


class PagesTestCase(HTTPTestCase):
    """Tests of the pages of an HTTP port.

    Attributes:
        listener: what the configuration would say of it, beside transport and endpoint.
        is_own: whether only this machine can reach it.
        site: the application's own.
    """

    is_own = True
    site: IResource | None = None

    def setUp(self) -> None:
        super().setUp()
        self.listener: dict[str, Any] = {}

    def make_factory(self, server: Server) -> HTTPFactory:
        """See `HTTPTestCase.make_factory`."""
        listener = Listener(transport="http", endpoint="tcp:0", path=self.path, **self.listener)
        pages = pages_for(server, listener, self.table, self.site, is_own=self.is_own)
        return HTTPFactory(server, self.table, self.path, pages)
