"""What every protocol of ours does with its transport at the beginning and at the end."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Collection
from functools import cached_property
from typing import Any, ClassVar

from twisted.cred.credentials import ICredentials
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import IHandshakeListener, IProtocol, ISSLTransport
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import Logger
from twisted.protocols.policies import ProtocolWrapper
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_rpc.auth.credentials import (
    ClientCertificate,
    IClientCertificate,
    IUnixPeer,
    UnixPeer,
)
from twisted_rpc.connection import Connection
from twisted_rpc.deadline import Deadline
from twisted_rpc.endpoint import Endpoint
from twisted_rpc.interfaces import ILine
from twisted_rpc.lines import source_of
from twisted_rpc.sparing import Sparing
from twisted_rpc.transports.handshakes import HandshakeLog
from twisted_rpc.transports.keep_alive import keep_alive
from twisted_rpc.transports.polling import LinePoll
from twisted_rpc.transports.wire import Wire

__all__ = [
    "RPCFactory",
    "RPCProtocol",
    "address_name",
    "hand_over",
    "line_credentials",
    "listener_name",
]

_PEER = struct.Struct("=iII")
"""What Linux tells of the process at the other end: pid, uid, gid (unix(7))."""


def address_name(address: Any) -> tuple[str, str]:
    """The key to count an address by, and how it is shown."""
    if isinstance(address, IPv4Address):
        return address.host, f"{address.host}:{address.port}"
    if isinstance(address, IPv6Address):
        return address.host, f"[{address.host}]:{address.port}"
    if address is None:
        return "process", "the child process"
    kind = type(address).__name__.removesuffix("Address").lower().strip("_")
    return kind, kind


def listener_name(address: Any) -> str:
    """How the log calls the listener at an address of ours."""
    _, where = address_name(address)
    if isinstance(address, UNIXAddress):
        where += f":{os.fsdecode(address.name or b'')}"
    return where


def line_credentials(endpoint: Endpoint, transport: Any) -> list[ICredentials]:
    """What a line proves its far side with that has not said a word: see `IClientCertificate`.

    Kinds of credentials that the endpoint cannot tell anything of are left out.
    """
    found: list[ICredentials] = []
    logins = endpoint.logins
    if logins.takes(IClientCertificate) and ISSLTransport.providedBy(transport):
        certificate: Any = transport.getPeerCertificate()
        if certificate is not None:
            found.append(ClientCertificate(certificate.to_cryptography()))
    line: Any = getattr(transport, "socket", None)
    is_unix = getattr(line, "family", None) == socket.AF_UNIX
    # Behind a proxy's protocol the socket may be of Unix, and who calls somewhere else.
    if logins.takes(IUnixPeer) and is_unix and isinstance(_peer_of(transport), UNIXAddress):
        raw = line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
        pid, uid, gid = _PEER.unpack(raw)
        found.append(UnixPeer(uid, gid, pid))
    return found


def hand_over(transport: Any, successor: IProtocol) -> None:
    """Let another protocol speak on this transport from now on."""
    if isinstance(transport, ProtocolWrapper):  # TLS
        transport.wrappedProtocol = successor
    else:
        transport.protocol = successor
    successor.makeConnection(transport)


def _peer_of(transport: Any) -> Any:
    try:
        return transport.getPeer()
    except NotImplementedError:  # a child process
        return None


class _Refused(Protocol):
    """Ignores what still comes on a line that is being closed."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._wire.stop()


class RPCFactory(Factory):
    """Builds one protocol for each line.

    Args:
        endpoint: what the lines belong to.
        namespaces: the only ones that are served; see `Access.rights_of`.

    Attributes:
        urls: where it is reached, once its port is bound.
    """

    noisy = False
    _log = Logger()

    def __init__(self, endpoint: Endpoint, namespaces: Collection[str] | None = None) -> None:
        self.endpoint = endpoint
        self.namespaces = namespaces
        self.urls: list[str] = []
        self._poll: LinePoll | None = None

    def adopt(self, transport: Any) -> None:
        """Read from a line together with the others of this port."""
        while isinstance(transport, ProtocolWrapper):  # TLS, or what a proxy says before it
            transport = transport.transport
        self._poll = LinePoll.adopt(transport, self._poll)

    @cached_property
    def _refusals(self) -> Sparing:
        return Sparing(self.endpoint.clock)

    def tell_refused(self, peer: str, refusal: str) -> None:
        """Log that a line was one too many, unless there were too many lately."""
        more = self._refusals.more()
        if more is not None:
            text = "refused {peer}: {refusal}{more}"
            self._log.warn(text, peer=peer, refusal=refusal, more=more)

    @cached_property
    def handshakes(self) -> HandshakeLog:
        """Told of TLS handshakes that fail."""
        return HandshakeLog(self.endpoint.clock)


@implementer(IHandshakeListener, ILine)
class RPCProtocol(Protocol):
    """Counts itself in and out, and sees to the time a TLS handshake may take.

    A subclass implements `begin` and `end`, and `too_many` if it can tell the far side.

    Args:
        admitted: whether a protocol before it on the same line was counted already.

    Attributes:
        name: what its transport is counted as; empty for who leaves that to another.
    """

    name: ClassVar[str] = "tcp"
    factory: RPCFactory
    transport: Any
    wire: Wire
    _log = Logger()

    __slots__ = (
        *("_admitted", "_counted", "_handshake", "address", "begun", "endpoint", "peer"),
        "wire",
    )

    def __init__(self, *, admitted: bool = False) -> None:
        self._admitted = admitted
        self._counted = admitted
        self.begun = False

    def connectionMade(self) -> None:
        """Count this line in, or refuse it."""
        endpoint = self.factory.endpoint
        self.endpoint = endpoint
        peer = _peer_of(self.transport)
        self.address, self.peer = address_name(peer)
        self._handshake: Deadline | None = None
        self.wire = Wire(self.transport, endpoint, self.congested, self.name)
        if not self._admitted:
            if isinstance(peer, IPv4Address | IPv6Address):
                self.transport.setTcpNoDelay(True)
                keep_alive(self.transport, endpoint.limits)
            refusal = endpoint.admit(self, self.address)
            if refusal is not None:
                self.factory.tell_refused(self.peer, refusal)
                hand_over(self.transport, self.refuse(refusal))
                return
            self._counted = True
            self.factory.adopt(self.transport)
            if ISSLTransport.providedBy(self.transport):
                # Writing before the handshake is done would stop TLS from reading it.
                self._handshake = Deadline(endpoint.clock, self._handshake_expired)
                self._handshake.set(endpoint.limits.handshake_timeout)
                return
        self._begin()

    def refuse(self, refusal: str) -> Protocol:
        """Tell the far side that it is one too many; what has the line until it is closed."""
        if ISSLTransport.providedBy(self.transport):
            self.wire.abort()  # nothing can be said before the handshake
        else:
            self.too_many(refusal)
            self.wire.close()
        return _Refused(self.wire)

    def _begin(self) -> None:
        self.begun = True
        self.begin()

    def begin(self) -> None:
        """The line may be used."""
        raise NotImplementedError

    def end(self) -> None:
        """The line is down."""
        raise NotImplementedError

    @property
    def source(self) -> str:
        """What its address is counted by."""
        return source_of(self.address)

    def introduce(self, connection: Connection) -> None:
        """Let a connection know what is known of its line."""
        connection.address = self.address
        connection.namespaces = self.factory.namespaces
        connection.urls = self.factory.urls
        if self.endpoint.requires_authentication:
            connection.line_credentials = line_credentials(self.endpoint, self.transport)

    def too_many(self, refusal: str) -> None:
        """Tell the far side that it is one too many, before the line is closed."""

    def congested(self, congested: bool) -> None:
        """The far side has stopped, or begun again, to read."""

    def handshakeCompleted(self) -> None:
        """TLS is up."""
        if self._handshake is not None:
            self._handshake.clear()
        if not self.begun:
            self._begin()

    @property
    def first_timeout(self) -> float | None:
        """Seconds the far side may be silent before it has said anything."""
        timeout: float | None = getattr(self.endpoint.limits, self.first_limit)
        return timeout

    @property
    def first_limit(self) -> str:
        """The limit that says how long."""
        stranger = self.endpoint.requires_authentication
        return "handshake_timeout" if stranger else "idle_timeout"

    def drain(self) -> None:
        """See `ILine.drain`; there are no calls on a line that carries nothing yet."""
        self.wire.close()

    def abort(self) -> None:
        """See `ILine.abort`."""
        self.wire.abort()

    def _handshake_expired(self) -> None:
        self.endpoint.counters.hit("handshake_timeout")
        seconds = self.endpoint.limits.handshake_timeout
        late = f"not complete after {seconds:g} seconds (handshake_timeout)"
        self.factory.handshakes.tell(self.peer, late)
        self.wire.abort()

    def _stop_handshake(self) -> None:
        if self._handshake is not None:
            self._handshake.stop()
            self._handshake = None

    def leave_to(self, successor: Any) -> None:
        """Let a protocol go on from here that was made with `admitted=True`."""
        self._stop_handshake()
        self.wire.release()
        self.endpoint.lines.succeed(self, successor)
        hand_over(self.transport, successor)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Count this line out."""
        self._stop_handshake()
        self.wire.lost()
        if self._counted:
            self._counted = False
            self.endpoint.release(self)
            if self.begun:
                self.end()
            else:
                self.factory.handshakes.failed(self.peer, self.transport, reason)
