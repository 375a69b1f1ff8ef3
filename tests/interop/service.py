"""What the daemon of these tests exposes: plain calls, failures, and calls back to the client."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from twisted.internet.defer import Deferred

from twisted_rpc import Context, RemoteError, RPCError, method


class Interop:
    """Methods that show whether both sides understand each other."""

    def __init__(self) -> None:
        self._notes: defaultdict[str, list[str]] = defaultdict(list)
        self._readers: list[tuple[str, int, Deferred[list[str]]]] = []

    @method
    def subtract(self, minuend: float, subtrahend: float) -> float:
        """By position or by name, as in the specification's examples."""
        return minuend - subtrahend

    @method
    def echo(self, value: Any) -> Any:
        """The value as it came."""
        return value

    @method
    def fail(self) -> None:
        """An error of the application's own."""
        raise RPCError(7, "as asked", {"why": "test"})

    @method
    def crash(self) -> None:
        """A mistake in a method; its text is not for the caller."""
        raise LookupError("a secret")

    @method
    def note(self, author: str, text: str) -> None:
        """Keep a note; meant to be a notification."""
        self._notes[author].append(text)
        self._serve_readers()

    @method
    async def notes(self, author: str, count: int) -> list[str]:
        """An author's notes, once there are as many as that."""
        waiting: Deferred[list[str]] = Deferred()
        self._readers.append((author, count, waiting))
        self._serve_readers()
        return await waiting

    @method
    async def ask(self, ctx: Context, name: str, params: list[Any] | dict[str, Any]) -> Any:
        """Call a method of the client and give back what it answers, errors as it put them."""
        try:
            return await ctx.connection.call(name, params)
        except RemoteError as error:
            return {"code": error.code, "message": error.message}

    @method
    def tell(self, ctx: Context, name: str, params: list[Any]) -> None:
        """Notify the client."""
        ctx.connection.notify(name, params)

    @method
    def whoami(self, ctx: Context) -> Any:
        """The identity that the connection has proved."""
        return ctx.identity

    @method
    def headers(self, ctx: Context) -> Mapping[str, str]:
        """The HTTP headers the call came with."""
        return dict(ctx.headers)

    def _serve_readers(self) -> None:
        waiting, self._readers = self._readers, []
        for author, count, reader in waiting:
            if len(self._notes[author]) >= count:
                reader.callback(list(self._notes[author]))
            else:
                self._readers.append((author, count, reader))
