"""The pages of one listener, and the application's site behind them."""

from __future__ import annotations

from collections.abc import Callable

from twisted.web.resource import IResource, Resource
from twisted.web.server import Request

from twisted_rpc.pages.page import Page

__all__ = ["Tree"]


class Tree(Resource):
    """Our pages by their paths; all others are the application's, if it has a site.

    Args:
        find: our page of a path, such as `/healthz`; None if we have none there.
        site: the application's resource, or None.
    """

    def __init__(self, find: Callable[[bytes], Page | None], site: IResource | None) -> None:
        super().__init__()
        self._find = find
        self._site = site

    def getChildWithDefault(self, name: bytes, request: Request) -> IResource:
        """See `IResource.getChildWithDefault`."""
        page = self._find(request.path.partition(b"?")[0])
        if page is not None:
            return page
        site = self._site
        assert site is not None  # or the router had not sent it here
        if not site.isLeaf:
            child: IResource = site.getChildWithDefault(name, request)
            return child
        # A leaf finds all of the path in front of it.
        assert request.prepath is not None
        assert request.postpath is not None
        request.prepath.pop()
        request.postpath.insert(0, name)
        return site
