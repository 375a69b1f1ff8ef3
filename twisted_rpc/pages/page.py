"""One page: what a `twisted.web` resource of ours answers with, and with which header fields."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from twisted_rpc.errors import InternalError
from twisted_rpc.invocation import as_deferred
from twisted_rpc.transports.base import RPCFactory
from twisted_rpc.transports.web import Reply, WebRules

__all__ = ["Page", "factory_of", "identity_of", "is_known"]

_TAG = re.compile(rb'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')


def identity_of(request: Request) -> Any:
    """Who has sent a request, as far as the page has asked for it; None for nobody."""
    return getattr(request.channel, "identity", None)


def factory_of(request: Request) -> RPCFactory:
    """What belongs to the port that a request came in by."""
    site: Any = request.site
    factory: RPCFactory = site.factory  # see `HTTPFactory.site`
    return factory


def is_known(request: Request, tag: bytes) -> bool:
    """Whether its sender has what a tag stands for (RFC 9110, section 13.1.2).

    Header fields are looked at as bytes: anything may stand in them.
    """
    known = b",".join(request.requestHeaders.getRawHeaders(b"if-none-match", []))
    return known.strip() == b"*" or tag in _TAG.findall(known)


class Page(Resource):
    """Answers GET and HEAD on one path.

    A subclass implements `reply`.  Whatever it raises is logged, and answered with 500.

    Args:
        rules: what `[web]` says.
    """

    isLeaf = True
    _log = Logger()

    def __init__(self, rules: WebRules) -> None:
        super().__init__()
        self._rules = rules

    def reply(self, request: Request) -> Any:
        """The `Reply` to a request, or an awaitable of it."""
        raise NotImplementedError

    def render(self, request: Request) -> int:
        """See `Resource.render`; to HEAD the answer is the same without its body."""
        if request.method not in (b"GET", b"HEAD"):
            self._write(Reply.text(405, "there is GET and HEAD", (b"Allow", b"GET, HEAD")), request)
            return NOT_DONE_YET
        try:
            made = self.reply(request)
            waiting = as_deferred(made)
        except Exception:
            self._failed(Failure(), request)
            return NOT_DONE_YET
        if waiting is None:
            self._write(made, request)
        else:
            request.notifyFinish().addErrback(_gone, waiting)
            waiting.addCallbacks(self._write, self._failed, (request,), {}, (request,))
        return NOT_DONE_YET

    def _failed(self, failure: Failure, request: Request) -> None:
        if request.channel is None and failure.check(CancelledError):  # by `_gone`
            return
        self._log.failure("the page {path} failed", failure, path=repr(request.path))
        self._write(Reply.of(500, InternalError()), request)

    def _write(self, reply: Reply, request: Request) -> None:
        if request.channel is None:  # the line is down
            return
        fields = self._rules.standing_fields(secure=request.isSecure())
        fields += self._rules.fields_of(request.method, _headers(request), reply)
        request.setResponseCode(reply.status, reply.reason)
        if reply.status not in (204, 304):  # which have no body, and say nothing of one
            request.setHeader(b"Content-Type", reply.content_type)
            request.setHeader(b"Content-Length", b"%d" % len(reply.body))
        # A page says for itself what it says otherwise than all answers.
        for name in {name for name, _ in fields}:
            request.responseHeaders.removeHeader(name)
        own = {name.lower() for name, _ in reply.headers}
        for name, value in fields:
            if (name, value) in reply.headers or name.lower() not in own:
                request.responseHeaders.addRawHeader(name, value)
        if request.method != b"HEAD":
            request.write(reply.body)
        request.finish()


def _gone(_: Failure, waiting: Deferred[Any]) -> None:
    """Nobody waits for the page any more."""
    waiting.cancel()


def _headers(request: Request) -> Mapping[bytes, bytes]:
    """The header fields as the rules look at them."""
    return {
        name.lower(): b", ".join(values)
        for name, values in request.requestHeaders.getAllRawHeaders()
    }
