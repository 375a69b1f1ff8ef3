"""RFC 6455, case by case: the groups 1 to 7, 9 and 10 of the Autobahn test suite.

The server is no echo server: where the suite sends a text and wants it back, a call of
that size is sent, and its answer has to bear the text.  Every case has a line of its own
to one daemon, and leaves it by the closing handshake unless it ends it otherwise.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator

import pytest

from tests.examples.daemon import ended_well, environment, twistd
from tests.processes import DEADLINE, Daemon
from tests.transports.certificate import self_signed
from tests.websocket import closing, fragmentation, framing, limits, pings, reserved, utf8
from tests.websocket.cases import Case
from tests.websocket.client import RawClient

GROUPS = (framing, pings, reserved, fragmentation, utf8, closing, limits)
CASES = [case for group in GROUPS for case in group.CASES]
LISTENERS = ("tcp:0", "ssl:0:privateKey=both.pem:certKey=both.pem")

ENDS = ("2.5", "6.3.1", "7.1.1", "7.3.4", "7.9", "9.9")
"""Cases that end in each of the ways there are."""


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[int]]:
    """A daemon for all cases, without TLS and with it; its end is an orderly one."""
    command = twistd("--expose", "=tests.websocket.service:Service")
    for endpoint in LISTENERS:
        command += ["--websocket", endpoint]
    directory = tmp_path_factory.mktemp("websocket")
    (directory / "both.pem").write_bytes(self_signed("localhost"))
    with ended_well(Daemon(command, directory, environment(), len(LISTENERS))) as daemon:
        yield daemon.ports


def is_held(client: RawClient, case: Case) -> None:
    """See a case through, and leave."""
    case.run(client)
    if not client.is_over:
        client.leave()


def named(cases: list[Case]) -> pytest.MarkDecorator:
    """A test for each of these."""
    return pytest.mark.parametrize("case", cases, ids=[f"{c.number} {c.title}" for c in cases])


@named(CASES)
def test_case(ports: list[int], case: Case) -> None:
    with RawClient.to(ports[0]) as client:
        is_held(client, case)


@named([case for case in CASES if case.number in ENDS])
def test_case_over_tls(ports: list[int], case: Case) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connected = socket.create_connection(("127.0.0.1", ports[1]), DEADLINE)
    # What ends without TLS having said so may have been cut off.
    wrapped = context.wrap_socket(connected, suppress_ragged_eofs=False)
    with RawClient(wrapped) as client:
        is_held(client, case)


def test_no_case_is_there_twice() -> None:
    names = [(case.number, case.title) for case in CASES]
    assert len(set(names)) == len(names)
