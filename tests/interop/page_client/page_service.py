"""What the daemon of the browser client's tests exposes."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred

from twisted_rpc import Context, RemoteError, RPCError, method


class Service:
    """Plain calls, failures, calls that never end, and calls back to the client."""

    def __init__(self) -> None:
        self._running: list[Deferred[None]] = []
        self._cancelled = 0
        self._bumps = 0

    @method
    def add(self, a: float, b: float) -> float:
        """By position or by name."""
        return a + b

    @method
    def echo(self, value: Any = None) -> Any:
        """The value as it came."""
        return value

    @method
    def fail(self) -> None:
        """An error of the application's own."""
        raise RPCError(7, "as asked", {"why": "test"})

    @method
    def crash(self) -> None:
        """A mistake."""
        raise LookupError("a secret")

    @method
    def bump(self) -> int:
        """Count a call; how many there were."""
        self._bumps += 1
        return self._bumps

    @method
    def bumps(self) -> int:
        """How often it was bumped."""
        return self._bumps

    @method
    async def hang(self) -> None:
        """Wait until the call is cancelled."""
        waiting: Deferred[None] = Deferred()
        self._running.append(waiting)
        try:
            await waiting
        except CancelledError:
            self._cancelled += 1
            raise
        finally:
            self._running.remove(waiting)

    @method
    def hung(self) -> tuple[int, int]:
        """How many calls of `hang` run, and how many were cancelled."""
        return len(self._running), self._cancelled

    @method
    async def ask(self, ctx: Context, name: str, params: list[Any] | dict[str, Any]) -> Any:
        """Call a method of the client; give back what it answers, errors too."""
        try:
            return await ctx.connection.call(name, params)
        except RemoteError as error:
            return {"code": error.code, "message": error.message, "data": error.data or None}

    @method
    async def ask_together(self, ctx: Context) -> list[Any]:
        """Call the client by a batch."""
        async with ctx.connection.batch() as batch:
            calls = [batch.call("double", [number]) for number in (1, 2)]
            batch.notify("heard", ["batch"])
        return [await call for call in calls]

    @method
    def tell(self, ctx: Context, name: str, params: list[Any] | dict[str, Any]) -> None:
        """Notify the client."""
        ctx.connection.notify(name, params)

    @method
    def whoami(self, ctx: Context) -> Any:
        """The identity that the caller has proved."""
        return ctx.identity

    @method
    def drop(self, ctx: Context) -> None:
        """Cut the line of the caller."""
        ctx.connection.abort()
