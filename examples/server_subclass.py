"""A server of one's own: hooks overridden, a middleware around every call.

twistd -n rpc --config etc/server_subclass.toml
"""

from __future__ import annotations

from typing import Any

from twisted.logger import Logger

from twisted_rpc import Connection, Context, Example, Request, RPCError, Server, method
from twisted_rpc.invocation import CallNext

__all__ = ["MyServer", "OutOfStock", "Shop"]

OUT_OF_STOCK = 3001
"""Our own error code: applications choose theirs outside -32768..-32000."""


class OutOfStock(Exception):
    """An exception of the application, which knows nothing of JSON-RPC.

    Attributes:
        left: how many there are.
    """

    def __init__(self, left: int) -> None:
        super().__init__(left)
        self.left = left


class Shop:
    """Sells apples."""

    def __init__(self) -> None:
        self._apples = 10

    @method(
        errors=[RPCError(OUT_OF_STOCK, "out of stock", {"left": 3})],
        examples=[Example([4], 6)],
    )
    def buy(self, apples: int) -> int:
        """Buy apples; return how many are left."""
        if apples > self._apples:
            raise OutOfStock(self._apples)
        self._apples -= apples
        return self._apples


class MyServer(Server):
    """Logs who comes and goes and how long calls take, and has words for `OutOfStock`."""

    title = "Apples"
    log = Logger()

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.expose("shop", Shop())
        self.use(self.timed)

    def connection_opened(self, connection: Connection) -> None:
        """See `Endpoint.connection_opened`."""
        self.log.info(
            "{transport} {id} opened by {peer}",
            transport=connection.transport,
            id=connection.id,
            peer=connection.peer,
        )

    def connection_closed(self, connection: Connection) -> None:
        """See `Endpoint.connection_closed`."""
        self.log.info("{transport} {id} closed", transport=connection.transport, id=connection.id)

    def error_for(self, error: BaseException) -> RPCError | None:
        """Tell callers of `OutOfStock`; of other exceptions as every server does."""
        if isinstance(error, OutOfStock):
            return RPCError(OUT_OF_STOCK, "out of stock", {"left": error.left})
        return super().error_for(error)

    async def timed(self, call_next: CallNext, request: Request, context: Context) -> Any:
        """Log how long a call takes, however it ends."""
        start = self.clock.seconds()
        try:
            return await call_next(request, context)
        finally:
            # The name comes from the caller: `repr` keeps line ends out of the log.
            name, seconds = repr(request.method), self.clock.seconds() - start
            self.log.info("{name} took {seconds:.6f} s", name=name, seconds=seconds)
