"""Notifications as they come, over one connection after the other."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from msgspec import UNSET
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from twisted_rpc.cli.output import Output, OutputClosed, printable, to_json
from twisted_rpc.client import Client
from twisted_rpc.connection import Connection
from twisted_rpc.context import Context
from twisted_rpc.errors import AuthenticationFailed, ErrorCode, RemoteError
from twisted_rpc.invocation import CallNext
from twisted_rpc.keeping import State
from twisted_rpc.message import Request

__all__ = ["Hearing"]


class Hearing:
    """Prints the notifications that a client receives.

    Args:
        client: is connecting.
        output: where to.
        names: of the methods to be heard; all if there are none.
        count: ends after so many; never if None.
    """

    def __init__(
        self, client: Client, output: Output, names: Collection[str], count: int | None
    ) -> None:
        self._client = client
        self._output = output
        self._names = names
        self._left = count
        self._lost = False
        self.ended: Deferred[None] = Deferred()
        client.use(self._hear)

    async def wait(self) -> None:
        """Wait for the end.

        Raises:
            CallError: there is no connection, and there will be none.
            OutputClosed: nobody reads.
            OSError: nothing can be written.
        """
        await self._client
        assert self._client.connection is not None
        self._speak_first(self._client.connection)
        self._client.on_connected(self._speak_first)
        self._client.on_state(self._tell)
        await self.ended

    async def _hear(self, call_next: CallNext, request: Request, context: Context) -> Any:
        """A middleware, so that every name is heard; calls find no method, as ever."""
        if not request.is_notification:
            return await call_next(request, context)
        if not self.ended.called and (not self._names or request.method in self._names):
            self._print(request)
        return None

    def _print(self, request: Request) -> None:
        try:
            self._output.line(self._shown(request))
        except (OutputClosed, OSError) as error:
            self.ended.errback(error)
            return
        if self._left is not None:
            self._left -= 1
            if self._left == 0:
                self.ended.callback(None)

    def _shown(self, request: Request) -> str:
        members = {} if request.params is UNSET else {"params": request.params}
        if self._output.as_json:
            return to_json({"method": request.method, **members})
        return " ".join([printable(request.method), *map(to_json, members.values())])

    def _tell(self, state: State) -> None:
        peer = self._client.peer
        if state is State.DISCONNECTED and not self._lost:
            self._lost = True
            self._output.note(f"the connection to {peer} was lost: trying again")
        elif state is State.CONNECTED:
            self._lost = False
            self._output.note(f"connected to {peer} again")
        elif state is State.CLOSED and not self.ended.called:
            self._client.connected().addErrback(self.ended.errback)

    def _speak_first(self, connection: Connection) -> None:
        """Call something: a port for several protocols learns from it what the line speaks.

        Any answer will do, but for that we are not let in: nothing would ever be heard.
        """
        connection.call("rpc.ping").addErrback(self._answered)

    def _answered(self, failure: Failure) -> None:
        error = failure.value
        unknown = isinstance(error, RemoteError) and error.code == ErrorCode.UNAUTHORIZED
        if unknown and not self.ended.called:
            text = f"{self._client.peer} wants to know who you are: see Credentials in --help"
            self.ended.errback(AuthenticationFailed(text))
