"""TLS that asks OpenSSL only for what there may be, and without detours.

pyOpenSSL makes a new buffer for everything that it reads, and asks after each call in a
dozen steps whether it has failed.  For a small message that costs several times as much as
decrypting it.  So the four calls that every message takes go to OpenSSL directly here, by
the bindings that pyOpenSSL is made of (`OpenSSL._util`, which Twisted uses as well), into
one buffer for all connections: the reactor's thread alone has to do with them.  Whatever
is not plain success is left to pyOpenSSL.
"""

from __future__ import annotations

from typing import Any

from OpenSSL import SSL
from OpenSSL._util import ffi, lib
from twisted.protocols.tls import TLSMemoryBIOProtocol

__all__ = ["RecordConnection", "TLSLine"]

_LONGEST = 1 << 14
"""Bytes of text in one record (RFC 8446, section 5.1)."""

_ROOM = 2 * _LONGEST
_buffer = ffi.new("char[]", _ROOM)

_HEADER = 5
"""Bytes of a record's header; the last two say how many follow (RFC 8446, section 5.1)."""


class RecordConnection(SSL.Connection):
    """A connection over memory that knows when OpenSSL has nothing to give.

    Twisted reads until OpenSSL wants more, and looks after each read whether there is
    something to send.  Both end with an exception of pyOpenSSL's, and these cost as much
    as decrypting a small message.  But text only comes of whole records, which can be
    counted by their headers, and something to send only of what is seen here.  Where
    either is in doubt, OpenSSL is asked.
    """

    _ssl: Any
    _into_ssl: Any
    _from_ssl: Any

    def __init__(self, context: SSL.Context) -> None:
        super().__init__(context, None)
        self._unread = 0  # records that have come whole, and may hold text
        self._missing = 0  # bytes of the record that is coming
        self._begun = b""  # the beginning of its header
        self._has_output = True

    def bio_write(self, buf: Any) -> int:
        """See `OpenSSL.SSL.Connection.bio_write`."""
        self._unread += self._ended_in(buf)
        size: int = lib.BIO_write(self._into_ssl, buf, len(buf))
        return size if size > 0 else super().bio_write(buf)

    def _ended_in(self, data: bytes) -> int:
        """How many records end in these bytes."""
        at, end, ended = self._missing, len(data), 0
        if self._begun:
            data = self._begun + data
            end = len(data)
        elif not at and end > _HEADER and end == _HEADER + (data[3] << 8 | data[4]):
            return 1  # as most come
        if 0 < at <= end:
            ended = 1
        while end - at >= _HEADER:
            at += _HEADER + (data[at + 3] << 8 | data[at + 4])
            if at <= end:
                ended += 1
        self._missing = max(0, at - end)
        self._begun = data[at:]
        return ended

    def recv(self, bufsiz: int, flags: int | None = None) -> bytes:
        """See `OpenSSL.SSL.Connection.recv`."""
        if self._unread <= 0:
            raise SSL.WantReadError()
        room = min(bufsiz, _ROOM)
        size = 0 if flags else lib.SSL_read(self._ssl, _buffer, room)
        if size > 0:
            self._unread -= size < room
            return bytes(ffi.buffer(_buffer, size))
        self._has_output = True
        try:
            return super().recv(bufsiz, flags)
        except SSL.WantReadError:
            self._unread = 0
            raise

    def take(self, data: bytes) -> list[bytes]:
        """What came: the texts of all records that are whole now, up to one that has none."""
        self.bio_write(data)
        texts = []
        while self._unread > 0 and (size := lib.SSL_read(self._ssl, _buffer, _ROOM)) > 0:
            self._unread -= 1
            texts.append(bytes(ffi.buffer(_buffer, size)))
        return texts

    @property
    def may_have_more(self) -> bool:
        """Whether something may be left to be read, or to be sent."""
        return self._unread > 0 or self._has_output

    def encrypt(self, text: bytes) -> bytes | None:
        """What is to be sent for a text of one record; None if OpenSSL has to be asked why not."""
        if lib.SSL_write(self._ssl, text, len(text)) != len(text):
            return None
        self._has_output = True
        return self.bio_read(_ROOM)

    def bio_shutdown(self) -> None:
        """See `OpenSSL.SSL.Connection.bio_shutdown`; the end is to be read as well."""
        self._unread += 1
        super().bio_shutdown()

    def bio_read(self, bufsiz: int) -> bytes:
        """See `OpenSSL.SSL.Connection.bio_read`."""
        if not self._has_output:
            raise SSL.WantReadError()
        room = min(bufsiz, _ROOM)
        size = lib.BIO_read(self._from_ssl, _buffer, room)
        if size <= 0:
            return super().bio_read(bufsiz)
        self._has_output = size == room
        return bytes(ffi.buffer(_buffer, size))

    def send(self, buf: Any, flags: int = 0) -> int:
        """See `OpenSSL.SSL.Connection.send`."""
        self._has_output = True
        size: int = lib.SSL_write(self._ssl, buf, len(buf)) if type(buf) is bytes else 0
        return size if size > 0 else super().send(buf, flags)

    def do_handshake(self) -> None:
        """See `OpenSSL.SSL.Connection.do_handshake`."""
        self._has_output = True
        super().do_handshake()

    def shutdown(self) -> bool:
        """See `OpenSSL.SSL.Connection.shutdown`."""
        self._has_output = True
        return super().shutdown()


class TLSLine(TLSMemoryBIOProtocol):
    """TLS of one line; what is no more than whole records takes a short way.

    Only when the handshake is done, and nothing waits to be encrypted.  Twisted sees to
    everything else, and to what the short way leaves.
    """

    _tlsConnection: RecordConnection

    def dataReceived(self, data: bytes) -> None:
        """Bytes came."""
        if not self._handshakeDone or self._appSendBuffer:
            super().dataReceived(data)
            return
        connection = self._tlsConnection
        for text in connection.take(data):
            if self._aborted:
                return
            self.wrappedProtocol.dataReceived(text)
        if connection.may_have_more:
            self._flushReceiveBIO()

    def write(self, data: bytes) -> None:
        """See `TLSMemoryBIOProtocol.write`."""
        short = 0 < len(data) <= _LONGEST and not (self._appSendBuffer or self.disconnecting)
        if not short or not self._handshakeDone or self._lostTLSConnection:
            super().write(data)
            return
        encrypted = self._tlsConnection.encrypt(data)
        if encrypted is None:
            super().write(data)
        else:
            self.transport.write(encrypted)  # type: ignore[union-attr]
