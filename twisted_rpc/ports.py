"""The services that listen: a port, or standard input and output."""

from __future__ import annotations

import os
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort
from twisted.internet.stdio import StandardIO
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_rpc.errors import ConfigError
from twisted_rpc.transports.base import RPCFactory, listener_name
from twisted_rpc.transports.listening import Place
from twisted_rpc.transports.routing import Pages
from twisted_rpc.transports.stream import StreamFactory

__all__ = ["ListenerService", "StdioService", "take_output"]


class ListenerService(Service):
    """One listener.

    A port that cannot be bound fails the start of the whole daemon.

    Args:
        place: where it listens.
        factory: what it serves.
        transport: what it is called in the log.
        pages: what it shows beside RPC.
    """

    _log = Logger()

    def __init__(
        self,
        place: Place,
        factory: RPCFactory,
        transport: str,
        pages: Pages | None = None,
        *,
        reactor: Any,
    ) -> None:
        self.port: IListeningPort | None = None
        self._bound = False
        self._starting = False
        self.pages = pages
        self._place = place
        self._factory = factory
        self._transport = transport
        self._reactor = reactor

    def privilegedStartService(self) -> None:
        """Bind, while the process may still have the right to low ports.

        Raises:
            CannotListenError: the port is taken or not ours to take, or others can reach it
                without TLS or authentication.
        """
        self._bound = self._starting = True
        failures: list[Failure] = []
        listening = self._place.listen(self._factory)
        listening.addCallback(self._listening)
        listening.addErrback(self._failed).addErrback(failures.append)
        self._starting = False
        for failure in failures:
            if isinstance(failure.value, ConfigError):
                raise CannotListenError(None, self._place.description, failure.value)
            failure.raiseException()

    def _failed(self, failure: Failure) -> Failure | None:
        """Fail the start; or end the daemon, if it is up when an endpoint has found out."""
        self._log.critical(
            "cannot listen on {description}: {reason}",
            description=self._place.description,
            reason=failure.getErrorMessage(),
        )
        if self._starting:
            return failure
        self._reactor.stop()
        return None

    def startService(self) -> None:
        """Bind, if nobody asked before; `twist` knows no privileged start.

        Raises:
            CannotListenError: see `privilegedStartService`.
        """
        super().startService()
        if not self._bound:
            self.privilegedStartService()

    def _listening(self, port: IListeningPort) -> None:
        self.port = port
        where = listener_name(port.getHost())
        self._log.info("{transport} on {where}", transport=self._transport, where=where)

    def stopService(self) -> Deferred[None] | None:
        """Take no new connections."""
        super().stopService()
        port, self.port = self.port, None
        return None if port is None else port.stopListening()


class StdioService(Service):
    """Standard input and output as one line; when it ends, so does the daemon.

    Args:
        factory: what the line carries.
        output: what `take_output` returned; called when the service starts unless given.
    """

    def __init__(self, factory: StreamFactory, output: int | None = None, *, reactor: Any) -> None:
        self._factory = factory
        self._output = output
        self._reactor = reactor

    def startService(self) -> None:
        """Begin to read."""
        super().startService()
        output = take_output() if self._output is None else self._output
        protocol = self._factory.buildProtocol(None)
        stdio: Any = StandardIO  # the type checker takes the one of Windows
        stdio(protocol, stdin=0, stdout=output, reactor=self._reactor)
        protocol.connection.closed().addCallback(lambda _: self._reactor.callLater(0, self._stop))

    def _stop(self) -> None:
        if self.running:
            self._reactor.stop()


def take_output() -> int:
    """Keep standard output for the protocol; return a descriptor of it.

    Whatever else this process prints goes to standard error from then on: not one line
    of a log may come between the messages, or before the first.
    """
    output = os.dup(1)
    os.dup2(2, 1)
    return output
