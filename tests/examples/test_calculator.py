"""The calculator: what the first five minutes show, over every protocol of its port."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.daemon.clients import LineClient, WebSocketClient, post
from tests.examples.daemon import serving
from tests.helpers import batch, request
from tests.processes import Daemon


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with serving(tmp_path_factory.mktemp("calculator"), "calculator") as running:
        yield running


@pytest.mark.parametrize(
    ("method", "params", "result"),
    [
        ("add", [2, 3], 5),
        ("subtract", {"subtrahend": 23, "minuend": 42}, 19),
        ("multiply", [1.5, 4], 6),
        ("divide", {"dividend": 1, "divisor": 4}, 0.25),
    ],
)
def test_it_calculates(daemon: Daemon, method: str, params: object, result: float) -> None:
    status, _, answer = post(daemon.port, request(f"calc.{method}", params))
    assert status == 200
    assert answer == {"jsonrpc": "2.0", "result": result, "id": 1}


def test_division_by_zero_is_an_error_of_its_own(daemon: Daemon) -> None:
    _, _, answer = post(daemon.port, request("calc.divide", [7, 0]))
    expected = {"code": 1, "message": "division by zero", "data": {"dividend": 7}}
    assert answer["error"] == expected


def test_clients_of_every_protocol_share_one_history(daemon: Daemon) -> None:
    with LineClient.to(daemon.port) as line, WebSocketClient.to(daemon.port) as web:
        assert line.call("calc.add", 1, 2)["result"] == 3
        assert web.call("calc.multiply", 5, 5)["result"] == 25
        expected = ["1 + 2 = 3", "5 * 5 = 25"]
        assert line.call("calc.history", 2)["result"] == expected
        assert web.call("calc.history", 2)["result"] == expected
    assert post(daemon.port, request("calc.history", {"limit": 2}))[2]["result"] == expected


def test_a_batch_sees_what_its_earlier_items_did(daemon: Daemon) -> None:
    calls = batch(request("calc.add", [8, 9], 1), request("calc.history", [1], 2))
    _, _, answers = post(daemon.port, calls)
    assert [answer["result"] for answer in answers] == [17, ["8 + 9 = 17"]]
