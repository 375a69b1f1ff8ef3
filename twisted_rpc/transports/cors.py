"""Which pages may call, and what lets them read the answers: the Fetch standard's CORS."""

from __future__ import annotations

from collections.abc import Mapping

from twisted_rpc.config import WebTable, listed_origin

__all__ = ["CORS", "Fields"]

Fields = tuple[tuple[bytes, bytes], ...]
"""Header fields, in their order."""

_ALWAYS_ALLOWED = ("Content-Type", "Authorization")


class CORS:
    """The origins of `[web]` and what their pages may do.

    Args:
        table: `[web]`.
    """

    def __init__(self, table: WebTable) -> None:
        # By what browsers send, which is always the one way to write an origin.
        origins = [str(listed_origin(text)).encode() for text in table.origins]
        self._answers = {origin: _answer_fields(origin, table) for origin in origins}
        allowed = (*_ALWAYS_ALLOWED, *table.cors_headers)
        self._allowed = frozenset(name.lower().encode() for name in allowed)
        self._preflight: Fields = (
            (b"Access-Control-Allow-Headers", ", ".join(allowed).encode()),
            (b"Access-Control-Max-Age", b"%d" % table.cors_max_age),
        )

    def lists(self, origin: bytes) -> bool:
        """Whether an origin is on the list; `null` never is."""
        return origin in self._answers

    def fields(self, headers: Mapping[bytes, bytes]) -> Fields:
        """What lets the page that sent a request read its answer; nothing if it is not listed."""
        origin = headers.get(b"origin")
        return () if origin is None else self._answers.get(origin, ())

    def preflight(self, headers: Mapping[bytes, bytes], methods: bytes) -> Fields | None:
        """What a browser is told that asks beforehand; None if it may not send that request.

        Args:
            headers: of the request.
            methods: the HTTP methods that may be sent there, as in a header field.
        """
        fields = self.fields(headers)
        names = headers.get(b"access-control-request-headers", b"").lower().split(b",")
        wanted = {name.strip() for name in names} - {b""}
        method = headers.get(b"access-control-request-method")
        if not fields or method not in methods.split(b", "):
            return None
        if not wanted <= self._allowed:
            return None
        return (*fields, (b"Access-Control-Allow-Methods", methods), *self._preflight)


def _answer_fields(origin: bytes, table: WebTable) -> Fields:
    fields: Fields = ((b"Access-Control-Allow-Origin", origin),)
    if table.credentials:
        fields += ((b"Access-Control-Allow-Credentials", b"true"),)
    if table.cors_expose:
        fields += ((b"Access-Control-Expose-Headers", ", ".join(table.cors_expose).encode()),)
    return fields
