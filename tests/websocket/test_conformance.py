"""RFC 6455, case by case: the groups 1 to 7, 9 and 10 of the Autobahn test suite.

The server is no echo server: where the suite sends a text and wants it back, a call of
that size is sent, and its answer has to bear the text.  Every case has a line of its own
to one daemon, and leaves it by the closing handshake unless it ends it otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.examples.daemon import ended_well, environment, twistd
from tests.processes import Daemon
from tests.websocket import closing, fragmentation, framing, limits, pings, reserved, utf8
from tests.websocket.cases import Case
from tests.websocket.client import RawClient

GROUPS = (framing, pings, reserved, fragmentation, utf8, closing, limits)
CASES = [case for group in GROUPS for case in group.CASES]
ANY_PORT = "tcp:0:interface=127.0.0.1"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A daemon for all cases; its end is an orderly one."""
    command = twistd("--websocket", ANY_PORT, "--expose", "=tests.websocket.service:Service")
    directory = tmp_path_factory.mktemp("websocket")
    with ended_well(Daemon(command, directory, environment())) as daemon:
        yield daemon.port


@pytest.mark.parametrize("case", CASES, ids=[f"{case.number} {case.title}" for case in CASES])
def test_case(port: int, case: Case) -> None:
    with RawClient.to(port) as client:
        case.run(client)
        if not client.is_over:
            client.leave()


def test_no_case_is_there_twice() -> None:
    names = [(case.number, case.title) for case in CASES]
    assert len(set(names)) == len(names)
