"""The fuzzer finds nothing, from one seed and in so many inputs; and it can find something."""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.interfaces import IReactorTime
from twisted.trial.unittest import TestCase

from tests import service
from tests.fuzzing import __main__ as program
from tests.fuzzing.inputs import MESSAGE, Finding, Input, read, write
from tests.fuzzing.oracle import due, faults_of
from tests.fuzzing.reduction import reduced
from tests.fuzzing.rounds import SIZE, round_of
from tests.fuzzing.target import Target, first_finding
from tests.fuzzing.transcripts import Unsound, transcript
from tests.helpers import new_path
from twisted_rpc import Limits, Server

SEED = 20
ROUNDS = 1
CALL = b'{"jsonrpc":"2.0","method":"echo","params":[%b],"id":1}'

Answer = Callable[[bytes, Any], Any]


def serve_with(wrong: Callable[[bytes, Any, Answer], Any]) -> Callable[..., Server]:
    """Servers that answer whole messages in a wrong way."""

    def make(limits: Limits, clock: IReactorTime | None = None) -> Server:
        server = service.serve(limits, clock)
        right = server.dispatcher.dispatch

        def dispatch(data: Any, caller: Any) -> Any:
            return wrong(data, caller, right) if type(data) is bytes else right(data, caller)

        server.dispatcher.way = dispatch
        return server

    return make


def forgets_null(data: bytes, caller: Any, answer: Answer) -> Any:
    """No answer where there is a null."""
    return None if b"null" in data else answer(data, caller)


def stammers(data: bytes, caller: Any, answer: Answer) -> Any:
    """Two answers for one."""
    said = answer(data, caller)
    return said + said if b"bad luck" in data else said


def tells(data: bytes, caller: Any, answer: Answer) -> Any:
    """A traceback, to a caller over a WebSocket."""
    said = answer(data, caller)
    if b"bad luck" in data and getattr(caller, "transport", "") == "websocket":
        return said.replace(b'"data":', b'"data":"Traceback", "was":')
    return said


def breaks(data: bytes, caller: Any, answer: Answer) -> Any:
    """An exception of its own."""
    if b"bad luck" in data:
        raise KeyError("bad luck")
    return answer(data, caller)


class FuzzingTests(TestCase):
    """Rounds of one seed."""

    timeout = 120

    async def test_nothing_goes_wrong(self) -> None:
        for number in range(ROUNDS):
            finding = await first_finding(round_of(SEED, number), Target())
            self.flushLoggedErrors()
            self.assertIsNone(finding)

    async def test_what_goes_wrong_is_found_made_small_and_kept(self) -> None:
        directory = Path(new_path())
        search = program.Search(SEED, directory, serve_with(forgets_null), tries=60)
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            status = await search.run(seconds=60, rounds=1)
        self.flushLoggedErrors()
        self.assertEqual(status, 1)
        path = directory / f"seed-{SEED}-round-0.json"
        finding = read(path)
        self.assertEqual(len(finding.inputs), 1)
        self.assertLess(len(finding.inputs[0].data), 60)
        self.assertIn(b"null", finding.inputs[0].data)
        self.assertIn(f"{finding.inputs[0]}", printed.getvalue())
        again = await first_finding(finding.inputs, Target(serve_with(forgets_null), 1.0))
        self.assertIsNotNone(again)
        with contextlib.redirect_stdout(io.StringIO()):
            self.assertEqual(await program.replay(path), 0)
        self.flushLoggedErrors()

    async def found(self, wrong: Callable[[bytes, Any, Answer], Any], tried: Input) -> str:
        target = Target(serve_with(wrong), 1.0)
        finding = await first_finding([Input(MESSAGE, (b"[]",)), tried], target)
        self.flushLoggedErrors()
        assert finding is not None
        self.assertEqual(len(finding.inputs), 2)
        return finding.what

    async def test_two_answers_to_one_call_are_found(self) -> None:
        for carrier, data in ((MESSAGE, CALL), ("line", CALL + b"\n")):
            what = await self.found(stammers, Input(carrier, (data % b'"bad luck"',)))
            self.assertIn("Extra data", what)

    async def test_what_a_caller_must_not_know_is_found(self) -> None:
        call = b'{"jsonrpc":"2.0","method":"echo","params":{"bad luck":1},"id":1}'
        self.assertIn("websocket", await self.found(tells, Input(MESSAGE, (call,))))

    async def test_an_exception_is_found_where_it_is_only_logged(self) -> None:
        what = await self.found(breaks, Input("http", (post(CALL % b'"bad luck"'),)))
        self.assertIn("KeyError", what)

    async def test_a_line_that_is_stuck_is_found(self) -> None:
        def waits(data: bytes, caller: Any, answer: Answer) -> Any:
            if data != b"2":
                return answer(data, caller)
            caller.abort = lambda: None
            caller.close = lambda: None
            caller.send = lambda messages: None
            return None

        what = await self.found(waits, Input("line", (b"{}\n", b"2\n")))
        self.assertIn("nor an end of the line", what)

    async def test_what_depends_on_pieces_is_found(self) -> None:
        seen: list[bytes] = []

        def remembers(data: bytes, caller: Any, answer: Answer) -> Any:
            seen.append(data)
            return answer(b"" if data == b"{ }" and seen.count(data) > 1 else data, caller)

        tried = Input("netstring", (b"3:", b"{ }", b","))
        self.assertIn("for its pieces", await self.found(remembers, tried))

    async def test_a_finding_becomes_its_cause(self) -> None:
        async def find(inputs: Any) -> Finding | None:
            pieces = [piece for each in inputs for piece in each.pieces]
            bad = pieces[-1:] == [b"xyz"] or any(b"y" in piece for piece in pieces)
            return Finding("it has a y", tuple(inputs)) if bad else None

        inputs = tuple(Input("line", (b"abc", b"x" * n + b"y" * (n == 3))) for n in range(6))
        small = await reduced(Finding("it has a y", inputs), find, 600)
        self.assertEqual(small.inputs, (Input("line", (b"y",)),))


def post(body: bytes) -> bytes:
    """A request."""
    head = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def test_a_round_is_the_same_each_time() -> None:
    assert round_of(SEED, 0) == round_of(SEED, 0)
    assert round_of(SEED, 0) != round_of(SEED, 1)
    assert len(set(round_of(SEED, 0))) > SIZE * 0.9


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"{", [(None, -32700)]),
        (b"\xef\xbb\xbf[]", [(None, -32700)]),
        (b'"\\ud800"', [(None, -32700)]),
        (b"[" * 65 + b"]" * 65, [(None, -32700)]),
        (b"[" * 64 + b"]" * 64, [[(None, -32600)]]),
        (b"[" * 9999, [(None, -32700)]),
        (b"[]", [(None, -32600)]),
        (b"[1, 2]", [[(None, -32600), (None, -32600)]]),
        (b"[" + b"1," * 100 + b"1]", [(None, -32010)]),
        (b'{"jsonrpc": "2.0", "method": "a"}', []),
        (b'{"jsonrpc": "2.0", "method": "a", "params": 1}', [(None, -32600)]),
        (b'{"jsonrpc": "2.0", "result": 1, "id": 5}', []),
        (b'{"jsonrpc": "2.0", "method": "a", "id": "x"}', [("x", None)]),
        (b'[{"jsonrpc": "2.0", "method": "a", "id": null}, {}]', [[(None, None), (None, -32600)]]),
    ],
)
def test_what_is_due(text: bytes, expected: list[Any]) -> None:
    assert due(text) == expected


@pytest.mark.parametrize(
    "answers",
    [
        [],
        [{"jsonrpc": "2.0", "result": 1, "id": "y"}],
        [{"jsonrpc": "2.0", "result": 1, "id": "x"}] * 2,
        [{"jsonrpc": "2.0", "result": 1, "error": 1, "id": "x"}],
        [{"jsonrpc": "2.0", "result": 1, "id": "x", "extra": 1}],
        [{"jsonrpc": "2.0", "error": {"code": "1", "message": ""}, "id": "x"}],
        [{"jsonrpc": "2.0", "error": 1, "id": "x"}],
        [{"jsonrpc": "2.0", "id": "x"}],
        [[{"jsonrpc": "2.0", "result": 1, "id": "x"}]],
        [[]],
        [1],
    ],
)
def test_wrong_answers_are_seen(answers: list[Any]) -> None:
    assert faults_of(answers, b'{"jsonrpc": "2.0", "method": "a", "id": "x"}')
    right = [{"jsonrpc": "2.0", "result": 1, "id": "x"}]
    assert faults_of(right, b'{"jsonrpc": "2.0", "method": "a", "id": "x"}') is None


@pytest.mark.parametrize(
    ("carrier", "received"),
    [
        ("line", b"[]\n"),
        ("line", b'{"jsonrpc":"2.0","result":1,"id":1}'),
        ("line", b"nope\n"),
        ("header", b"Content-Length: 5\r\n\r\n{}"),
        ("netstring", b"2:{};"),
        ("http", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"),
        ("http", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n"),
        ("http", b"HTTP/1.1 204 No Content\r\nX: a\nb\r\n\r\n"),
        ("hybrid_line", b"HTTP/1.1 OK\r\n\r\n"),
        ("websocket", b"\x81\x82\0\0\0\0[]"),
        ("websocket", b"\x01\x00"),
        ("websocket", b"\x88\x02\x03\xed"),
        ("websocket", b"\x88\x01\x03"),
        ("websocket", b"\x88\x00\x88\x00"),
        ("websocket", b"\x81\x05[]"),
    ],
)
def test_what_no_client_could_read_is_seen(carrier: str, received: bytes) -> None:
    with pytest.raises(Unsound):
        transcript(carrier, received, b"")


def test_what_is_no_finding_is_told_in_a_line(tmp_path: Path) -> None:
    for text, expected in ((None, "No such file"), ("{}", "is no finding"), ("[", "is no finding")):
        path = tmp_path / "finding.json"
        if text is not None:
            path.write_text(text)
        with pytest.raises(SystemExit, match=expected):
            program.main(["--replay", str(path)]).close()


def test_the_command_says_by_its_status_what_it_found(tmp_path: Path) -> None:
    path = tmp_path / "finding.json"
    write(path, Finding("was wrong once", (Input("websocket", (b"\x81", b"\x80\0\0\0\0")),)))
    for arguments in (["--replay", str(path)], ["--rounds", "0", "--directory", str(tmp_path)]):
        command = [sys.executable, "-m", "tests.fuzzing", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stderr) == (0, ""), done.stdout
