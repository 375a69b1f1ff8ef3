"""What the daemons of these tests serve: a counter, and a page of their own."""

from __future__ import annotations

from twisted.web.resource import Resource
from twisted.web.static import Data

from twisted_rpc import method


class Counter:
    """How often somebody has called `bump`."""

    def __init__(self) -> None:
        self._count = 0

    @method
    def bump(self) -> int:
        self._count += 1
        return self._count

    @method
    def read(self) -> int:
        return self._count


class Site(Resource):
    """The daemon's own page."""

    def __init__(self) -> None:
        super().__init__()
        self.putChild(b"page", Data(b"<!doctype html><title>own</title>", "text/html"))
