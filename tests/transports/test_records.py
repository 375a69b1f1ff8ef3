"""TLS that knows when OpenSSL has nothing to give: however records come, nothing stays behind."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator

import pytest
from OpenSSL import SSL

from tests.transports.certificate import self_signed
from twisted_rpc.transports.records import RecordConnection

MOST = 1 << 15


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> SSL.Context:
    path = tmp_path_factory.mktemp("tls") / "pair.pem"
    path.write_bytes(self_signed("localhost"))
    context = SSL.Context(SSL.TLS_METHOD)
    context.use_certificate_file(str(path))
    context.use_privatekey_file(str(path))
    return context


class Asked(RecordConnection):
    """Notes how often OpenSSL had nothing to give."""

    in_vain = 0

    def _raise_ssl_error(self, ssl: object, result: int) -> None:
        try:
            super()._raise_ssl_error(ssl, result)
        except SSL.WantReadError:
            self.in_vain += 1
            raise


class Pair:
    """A server of ours and a client of OpenSSL's, after their handshake."""

    def __init__(self, context: SSL.Context, version: int = SSL.TLS1_3_VERSION) -> None:
        ours = SSL.Context(SSL.TLS_METHOD)
        ours.set_max_proto_version(version)
        self.server = Asked(context)
        self.server.set_accept_state()
        self.client = SSL.Connection(ours, None)
        self.client.set_connect_state()
        for _ in range(4):
            for side, other in ((self.client, self.server), (self.server, self.client)):
                with contextlib.suppress(SSL.WantReadError):
                    side.do_handshake()
                for data in everything(side.bio_read):
                    other.bio_write(data)
        assert list(everything(self.server.recv)) == []
        list(everything(self.client.recv))
        self.server.in_vain = 0

    def encrypted(self, text: bytes) -> bytes:
        """What the client sends for a text."""
        self.client.sendall(text)
        return b"".join(everything(self.client.bio_read))

    def heard(self) -> bytes:
        """All that the server can read now."""
        return b"".join(everything(self.server.recv))


def everything(read: object) -> Iterator[bytes]:
    while True:
        try:
            yield read(MOST)  # type: ignore[operator]
        except (SSL.WantReadError, SSL.ZeroReturnError):
            return


@pytest.fixture(params=[SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION], ids=["1.2", "1.3"])
def pair(context: SSL.Context, request: pytest.FixtureRequest) -> Pair:
    return Pair(context, request.param)


def test_a_whole_record_is_read_without_asking_twice(pair: Pair) -> None:
    for text in (b"a", b"b" * 1000, b"c" * 16384):
        pair.server.bio_write(pair.encrypted(text))
        assert pair.heard() == text
    assert pair.server.in_vain == 0


def test_several_records_at_once_are_all_read(pair: Pair) -> None:
    texts = [bytes([number]) * number for number in range(1, 60)]
    pair.server.bio_write(b"".join(map(pair.encrypted, texts)))
    assert pair.heard() == b"".join(texts)
    assert pair.server.in_vain == 0


def test_a_text_longer_than_a_record(pair: Pair) -> None:
    text = random.Random(1).randbytes(100_000)
    pair.server.bio_write(pair.encrypted(text))
    assert pair.heard() == text


@pytest.mark.parametrize("seed", range(20))
def test_in_whatever_pieces_it_comes_nothing_stays_behind(pair: Pair, seed: int) -> None:
    dice = random.Random(seed)
    texts = [dice.randbytes(dice.choice([1, 3, 100, 5000, 16384, 40_000])) for _ in range(12)]
    stream = b"".join(map(pair.encrypted, texts))
    heard = b""
    while stream:
        size = dice.choice([1, 2, 4, 5, 6, 50, 4000, 70_000])
        pair.server.bio_write(stream[:size])
        stream = stream[size:]
        heard += pair.heard()
    assert heard == b"".join(texts)
    assert pair.server.in_vain == 0


def test_a_piece_of_a_record_gives_nothing(pair: Pair) -> None:
    record = pair.encrypted(b"text")
    for byte in record[:-1]:
        pair.server.bio_write(bytes([byte]))
        assert pair.heard() == b""
    pair.server.bio_write(record[-1:])
    assert pair.heard() == b"text"


def test_small_reads_of_a_long_record_give_all_of_it(pair: Pair) -> None:
    pair.server.bio_write(pair.encrypted(b"0123456789" * 10))
    heard = [pair.server.recv(10) for _ in range(10)]
    assert heard == [b"0123456789"] * 10
    with pytest.raises(SSL.WantReadError):
        pair.server.recv(10)


def test_what_is_sent_can_be_taken_out_once(pair: Pair) -> None:
    pair.server.send(b"answer")
    pair.client.bio_write(pair.server.bio_read(MOST))
    assert pair.client.recv(MOST) == b"answer"
    for _ in range(2):
        with pytest.raises(SSL.WantReadError):
            pair.server.bio_read(MOST)
    assert pair.server.in_vain == 0


def test_what_is_taken_out_in_pieces_is_all_taken_out(pair: Pair) -> None:
    pair.server.send(b"x" * 1000)
    taken = b""
    while True:
        try:
            taken += pair.server.bio_read(64)
        except SSL.WantReadError:
            break
    pair.client.bio_write(taken)
    assert pair.client.recv(MOST) == b"x" * 1000


def test_the_end_that_a_far_side_tells_is_heard(pair: Pair) -> None:
    last = pair.encrypted(b"last")
    pair.client.shutdown()
    pair.server.bio_write(last + pair.client.bio_read(MOST))
    assert pair.server.recv(MOST) == b"last"
    with pytest.raises(SSL.ZeroReturnError):
        pair.server.recv(MOST)
    pair.server.shutdown()
    pair.client.bio_write(pair.server.bio_read(MOST))
    with pytest.raises(SSL.ZeroReturnError):
        pair.client.recv(MOST)


def test_an_end_without_a_word_is_noticed(pair: Pair) -> None:
    pair.server.bio_shutdown()
    with pytest.raises(SSL.Error):
        pair.server.recv(MOST)


def test_rubbish_is_refused_with_an_alert(pair: Pair) -> None:
    record = bytearray(pair.encrypted(b"text"))
    record[-1] ^= 1
    pair.server.bio_write(bytes(record))
    with pytest.raises(SSL.Error):
        pair.server.recv(MOST)
    assert pair.server.bio_read(MOST)[:1] == b"\x15" or pair.server.get_protocol_version() == 0x304
