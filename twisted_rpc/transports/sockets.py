"""The socket below a transport: what goes straight to it, what it holds, what the system says."""

from __future__ import annotations

import select
from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.abstract import FileDescriptor
from twisted.internet.interfaces import ISSLTransport
from twisted.internet.tcp import Connection
from twisted.protocols.policies import ProtocolWrapper

__all__ = ["PIECE", "direct_of", "events_of", "socket_of", "writer_of"]

PIECE = 128 * 1024
"""So many bytes at most go to the socket at once, as Twisted has it: of what the kernel has taken
nobody knows how much is read, and so when the line may be closed."""


def direct_of(transport: Any) -> Any:
    """The transport itself, if bytes may go straight to its socket."""
    is_plain = isinstance(transport, Connection) and not getattr(transport, "TLS", False)
    return transport if is_plain else None


def writer_of(transport: Any) -> Callable[[bytes], object]:
    """What takes bytes that cannot go straight to the socket.

    What TLS makes of them goes straight to the socket where it can.  TLS of Twisted's own,
    on ports and clients that others have opened, keeps small writes for the next turn of the
    reactor's loop, to encrypt them together: ours are together already, and pass that by.
    """
    if not (isinstance(transport, ProtocolWrapper) and ISSLTransport.providedBy(transport)):
        return transport.write  # type: ignore[no-any-return]
    # Who has TLS has loaded it.
    from twisted.protocols.tls import BufferingTLSTransport, TLSMemoryBIOProtocol

    if isinstance(transport, TLSMemoryBIOProtocol):
        below = direct_of(transport.transport)
        if below is not None:
            below.write = partial(_write_through, below, type(below).write)
        if isinstance(transport, BufferingTLSTransport):
            return partial(TLSMemoryBIOProtocol.write, transport)
    return transport.write


def _write_through(direct: Any, queue: Callable[[Any, bytes], object], data: bytes) -> None:
    """Write to the socket what it takes while nothing waits to go before; queue the rest.

    `Wire.write` does the same in place: a plain line has no call to spare.
    """
    if (
        not direct.dataBuffer
        and not direct._tempDataLen
        and direct.connected
        and not direct.disconnecting
    ):
        try:
            sent = direct.socket.send(data if len(data) <= PIECE else data[:PIECE])
        except OSError:
            sent = 0
        if sent == len(data):
            return
        data = data[sent:]
    queue(direct, data)


def socket_of(transport: Any) -> Any:
    """What holds the bytes for the system: below TLS, or of standard output."""
    if isinstance(transport, ProtocolWrapper):
        transport = transport.transport
    transport = getattr(transport, "_writer", transport)
    return transport if isinstance(transport, FileDescriptor) else None


def events_of(socket: Any, wanted: int) -> int:
    """What the system says of a line without reading from it; errors are always said."""
    if socket.fileno() < 0:
        return 0
    poll = select.poll()
    poll.register(socket.fileno(), wanted & select.POLLIN)
    return next((events & wanted for _, events in poll.poll(0)), 0)
