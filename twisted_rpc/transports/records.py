"""TLS that asks OpenSSL only for what there may be, and without detours.

pyOpenSSL makes a new buffer for everything that it reads, and asks after each call in a
dozen steps whether it has failed; Twisted reads until OpenSSL wants more, and looks after
each read whether there is something to send, which both end with an exception.  For a
small message that costs several times as much as decrypting it.

So the four calls that every message takes go to OpenSSL directly here, by the bindings
that pyOpenSSL is made of (`OpenSSL._util`, which Twisted uses as well), into one buffer
for all connections: the reactor's thread alone has to do with them.  Whatever is not plain
success is left to pyOpenSSL, and Twisted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from OpenSSL import SSL
from OpenSSL._util import ffi, lib
from twisted.protocols.tls import TLSMemoryBIOProtocol

__all__ = ["RecordConnection", "Records", "TLSLine"]

_HEADER = 5
"""Bytes of a record's header; the last two say how many follow (RFC 8446, section 5.1)."""

_LONGEST = 1 << 14
"""Bytes of text in one record (RFC 8446, section 5.1)."""

_ROOM = 2 * _LONGEST
_buffer = ffi.new("char[]", _ROOM)


class Records:
    """What is known of the records of one connection, and the short way for whole ones.

    Text only comes of whole records, which can be counted by their headers.  A class of its
    own because those of pyOpenSSL and Twisted look for attributes in a slow way.

    Args:
        ssl: OpenSSL's connection.
        into, out: its memory for what has come, and for what is to be sent.

    Attributes:
        unread: how many records have come whole, and may hold text.
        has_output: whether there may be something to send.
        is_steady: whether the handshake is done, nothing waits to be encrypted, and neither
            side has begun to end it.  `TLSLine` sets it; all else only takes it away.
    """

    __slots__ = ("_begun", "_into", "_missing", "_out", "_ssl", "has_output", "is_steady", "unread")

    def __init__(self, ssl: Any, into: Any, out: Any) -> None:
        self._ssl = ssl
        self._into = into
        self._out = out
        self._missing = 0  # bytes of the record that is coming
        self._begun = b""  # the beginning of its header
        self.unread = 0
        self.has_output = True
        self.is_steady = False

    def count(self, data: bytes) -> None:
        """Count the records that end in what has come."""
        at, end = self._missing, len(data)
        if not at and not self._begun and _HEADER < end == _HEADER + (data[3] << 8 | data[4]):
            self.unread += 1  # as most come
            return
        if self._begun:
            data = self._begun + data
            end = len(data)
        if 0 < at <= end:
            self.unread += 1
        while end - at >= _HEADER:
            at += _HEADER + (data[at + 3] << 8 | data[at + 4])
            if at <= end:
                self.unread += 1
        self._missing = max(0, at - end)
        self._begun = data[at:]

    def take(self, data: bytes) -> Iterator[bytes]:
        """What came: the texts of all records that are whole now, up to one that has none.

        One after the other: OpenSSL keeps what is wrong with the next one for whoever asks.
        """
        self.count(data)
        lib.BIO_write(self._into, data, len(data))  # memory takes all
        while self.unread > 0 and (size := lib.SSL_read(self._ssl, _buffer, _ROOM)) > 0:
            self.unread -= 1
            yield ffi.unpack(_buffer, size)

    def encrypt(self, text: bytes) -> bytes | None:
        """What is to be sent for a text of one record; None if OpenSSL does not take it."""
        if lib.SSL_write(self._ssl, text, len(text)) != len(text):
            return None
        size = lib.BIO_read(self._out, _buffer, _ROOM)
        self.has_output = size == _ROOM
        encrypted: bytes = ffi.unpack(_buffer, size)
        return encrypted


class RecordConnection(SSL.Connection):
    """A connection over memory that knows when OpenSSL has nothing to give.

    Where that is in doubt, OpenSSL is asked.

    Attributes:
        records: what is known.
    """

    _ssl: Any
    _into_ssl: Any
    _from_ssl: Any

    def __init__(self, context: SSL.Context) -> None:
        super().__init__(context, None)
        self.records = Records(self._ssl, self._into_ssl, self._from_ssl)

    def bio_write(self, buf: Any) -> int:
        """See `OpenSSL.SSL.Connection.bio_write`."""
        self.records.count(buf)
        return super().bio_write(buf)

    def recv(self, bufsiz: int, flags: int | None = None) -> bytes:
        """See `OpenSSL.SSL.Connection.recv`."""
        records = self.records
        if records.unread <= 0:
            raise SSL.WantReadError()
        try:
            text = super().recv(bufsiz, flags)
        except SSL.WantReadError:
            records.unread = 0
            records.has_output = True
            raise
        except SSL.Error:
            records.has_output = True
            records.is_steady = False
            raise
        if len(text) < bufsiz:
            records.unread -= 1
        return text

    def bio_shutdown(self) -> None:
        """See `OpenSSL.SSL.Connection.bio_shutdown`; the end is to be read as well."""
        self.records.unread += 1
        self.records.is_steady = False
        super().bio_shutdown()

    def bio_read(self, bufsiz: int) -> bytes:
        """See `OpenSSL.SSL.Connection.bio_read`."""
        if not self.records.has_output:
            raise SSL.WantReadError()
        data = super().bio_read(bufsiz)
        self.records.has_output = len(data) == bufsiz
        return data

    def send(self, buf: Any, flags: int = 0) -> int:
        """See `OpenSSL.SSL.Connection.send`."""
        self.records.has_output = True
        return super().send(buf, flags)

    def do_handshake(self) -> None:
        """See `OpenSSL.SSL.Connection.do_handshake`."""
        self.records.has_output = True
        super().do_handshake()

    def shutdown(self) -> bool:
        """See `OpenSSL.SSL.Connection.shutdown`."""
        self.records.has_output = True
        self.records.is_steady = False
        return super().shutdown()


class TLSLine(TLSMemoryBIOProtocol):
    """TLS of one line; what is no more than whole records takes a short way.

    Only when the handshake is done, and nothing waits to be encrypted.  Twisted sees to
    everything else, and to what the short way leaves.
    """

    _tlsConnection: RecordConnection
    _records: Records | None = None

    def dataReceived(self, data: bytes) -> None:
        """Bytes came."""
        records = self._records
        if records is None or not records.is_steady:
            super().dataReceived(data)
            self._look_whether_steady()
            return
        for text in records.take(data):
            if not records.is_steady and self._aborted:
                return
            self.wrappedProtocol.dataReceived(text)
        if records.unread > 0 or records.has_output:
            self._flushReceiveBIO()

    def _look_whether_steady(self) -> None:
        done = self._handshakeDone and not self._lostTLSConnection and not self.disconnecting
        if done and not self._appSendBuffer:
            self._records = self._tlsConnection.records
            self._records.is_steady = True

    def write(self, data: bytes) -> None:
        """See `TLSMemoryBIOProtocol.write`."""
        records = self._records
        encrypted = None
        if records is not None and records.is_steady and 0 < len(data) <= _LONGEST:
            encrypted = records.encrypt(data)
            records.is_steady = encrypted is not None
        if encrypted is None:
            super().write(data)
        else:
            self.transport.write(encrypted)  # type: ignore[union-attr]
