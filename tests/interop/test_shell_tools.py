"""What a person pastes into a shell: `curl`, `nc` of OpenBSD, and a line of Node with `ws`."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.interop.daemon import EXPOSE, HERE, TWISTD, Interop, environment, listen
from tests.processes import DEADLINE

CALL = '{"jsonrpc":"2.0","method":"interop.subtract","params":[42,23],"id":1}'
NOTIFICATION = '{"jsonrpc":"2.0","method":"interop.note","params":["a shell","x"]}'
ANSWER = '{"jsonrpc":"2.0","result":19.0,"id":1}'


def paste(
    command: str, *, port: int = 0, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command as a shell does, with `$PORT` in it."""
    return subprocess.run(
        ["sh", "-c", command],
        cwd=cwd,
        env={**environment(), "PORT": str(port), "CALL": CALL, "NOTIFICATION": NOTIFICATION},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )


def said(command: str, *, port: int = 0, cwd: Path | None = None) -> str:
    """What a command that ends well prints."""
    done = paste(command, port=port, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout


# -- curl ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("listener", ["hybrid", "http"])
@pytest.mark.parametrize("path", ["/", "/rpc"])
def test_curl_posts_a_call(daemon: Interop, listener: str, path: str) -> None:
    command = f'curl -sS --json "$CALL" http://127.0.0.1:$PORT{path}'
    assert said(command, port=daemon.port_of(listener)) == ANSWER


def test_curl_posts_a_call_with_a_header_of_its_own(daemon: Interop) -> None:
    command = 'curl -sS -H "Content-Type: application/json" -d "$CALL" http://localhost:$PORT/rpc'
    assert said(command, port=daemon.port_of("hybrid")) == ANSWER


def test_curl_learns_which_header_is_missing(daemon: Interop) -> None:
    command = 'curl -sS -d "$CALL" -w " %{http_code}" http://127.0.0.1:$PORT/'
    text = said(command, port=daemon.port_of("hybrid"))
    assert text == "send the header Content-Type: application/json\n 415"


def test_curl_posts_a_batch_from_a_pipe(daemon: Interop) -> None:
    command = (
        'echo "[$CALL,$NOTIFICATION,7]" |'
        " curl -sS --json @- -H 'Transfer-Encoding: chunked' http://127.0.0.1:$PORT/"
    )
    answers = json.loads(said(command, port=daemon.port_of("http")))
    assert answers[0] == json.loads(ANSWER)
    assert [answer.get("error", {}).get("code") for answer in answers] == [None, -32600]


def test_curl_gets_nothing_for_a_notification(daemon: Interop) -> None:
    command = 'curl -sS --json "$NOTIFICATION" -w "%{http_code}" http://127.0.0.1:$PORT/'
    assert said(command, port=daemon.port_of("hybrid")) == "204"


def test_curl_makes_two_calls_on_one_connection(daemon: Interop) -> None:
    command = (
        'curl -sS --json "$CALL" -w " %{num_connects}\n"'
        " http://127.0.0.1:$PORT/ http://127.0.0.1:$PORT/rpc"
    )
    answers = said(command, port=daemon.port_of("hybrid")).splitlines()
    assert answers == [f"{ANSWER} 1", f"{ANSWER} 0"]


def test_curl_is_told_to_go_on_with_its_body(daemon: Interop) -> None:
    command = 'curl -sS -v -H "Expect: 100-continue" --json "$CALL" http://127.0.0.1:$PORT/'
    done = paste(command, port=daemon.port_of("hybrid"))
    assert done.stdout == ANSWER
    assert "< HTTP/1.1 100 Continue" in done.stderr


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ("-X DELETE", "405"),
        ("-X PUT -d x", "405"),
        ("-X OPTIONS", "204"),
        ('--json "$CALL" -H "Origin: http://elsewhere.example"', "403"),
        ('--json "$CALL" -H "Host: elsewhere.example"', "403"),
    ],
)
def test_curl_is_refused_in_the_words_of_http(daemon: Interop, options: str, status: str) -> None:
    command = f'curl -sS -o /dev/null -w "%{{http_code}}" {options} http://127.0.0.1:$PORT/'
    assert said(command, port=daemon.port_of("hybrid")) == status


def test_curl_sends_a_user_and_a_password(guarded: Interop) -> None:
    port = guarded.port_of("hybrid")
    ask = 'curl -sS --json "$CALL" -w " %{http_code}" http://127.0.0.1:$PORT/ -u alice:'
    assert said(f"{ask}wonder", port=port) == f"{ANSWER} 200"
    refusal, status = said(f"{ask}x", port=port).rsplit(" ", 1)
    assert status == "401"
    assert json.loads(refusal)["error"]["code"] == -32001


@pytest.mark.parametrize("listener", ["line", "stream", "header", "netstring", "auto"])
def test_curl_gets_no_answer_at_all_from_a_stream_port(daemon: Interop, listener: str) -> None:
    done = paste('curl -sS --json "$CALL" http://127.0.0.1:$PORT/', port=daemon.port_of(listener))
    assert done.stdout == ""
    # The connection was reset, or closed without an answer.
    assert done.returncode in (52, 56), done.stderr


# -- nc ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("listener", ["hybrid", "line", "stream", "auto"])
@pytest.mark.parametrize("end", [r"\n", r"\r\n", ""])
def test_nc_sends_a_line_and_gets_one_back(daemon: Interop, listener: str, end: str) -> None:
    # -N ends our half after the last byte; the answers still come, then the other half ends.
    command = f'printf "%s{end}" "$CALL" | nc -N 127.0.0.1 $PORT'
    assert said(command, port=daemon.port_of(listener)) == ANSWER + "\n"


def test_nc_sends_several_lines_a_batch_and_rubbish(daemon: Interop) -> None:
    command = (
        'printf "%s\n%s\n[%s]\nhello\n" "$CALL" "$NOTIFICATION" "$CALL" | nc -N localhost $PORT'
    )
    call, batch, rubbish = said(command, port=daemon.port_of("hybrid")).splitlines()
    assert (call, batch) == (ANSWER, f"[{ANSWER}]")
    assert json.loads(rubbish)["error"]["code"] == -32700


@pytest.mark.parametrize("listener", ["hybrid", "netstring", "auto"])
def test_nc_sends_a_netstring(daemon: Interop, listener: str) -> None:
    command = 'printf "%d:%s," ${#CALL} "$CALL" | nc -N 127.0.0.1 $PORT'
    assert said(command, port=daemon.port_of(listener)) == f"{len(ANSWER)}:{ANSWER},"


@pytest.mark.parametrize("listener", ["hybrid", "header", "auto"])
def test_nc_sends_a_content_length(daemon: Interop, listener: str) -> None:
    command = r'printf "Content-Length: %d\r\n\r\n%s" ${#CALL} "$CALL" | nc -N 127.0.0.1 $PORT'
    done = subprocess.run(
        ["sh", "-c", command],
        env={**environment(), "PORT": str(daemon.port_of(listener)), "CALL": CALL},
        capture_output=True,
        timeout=DEADLINE,
        check=True,
    )
    assert done.stdout == f"Content-Length: {len(ANSWER)}\r\n\r\n{ANSWER}".encode()


class Typing:
    """Somebody who types into `nc` and reads what it shows."""

    def __init__(self, port: int) -> None:
        self.process = subprocess.Popen(
            ["nc", "-N", "127.0.0.1", str(port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.keys, self.screen = self.process.stdin, self.process.stdout

    def enter(self, message: Any) -> None:
        self.keys.write(json.dumps(message) + "\n")

    def read(self) -> Any:
        return json.loads(self.screen.readline())

    def end(self) -> str:
        """Press Ctrl-D; return what else there was to read."""
        rest, _ = self.process.communicate(timeout=DEADLINE)
        return rest


@pytest.fixture
def typing(daemon: Interop) -> Iterator[Typing]:
    typing = Typing(daemon.port_of("hybrid"))
    yield typing
    typing.process.kill()
    typing.process.communicate()


def request(name: str, params: Any, request_id: Any = 1) -> Any:
    return {"jsonrpc": "2.0", "method": name, "params": params, "id": request_id}


def test_nc_stays_open_for_one_call_after_the_other(typing: Typing) -> None:
    for number in range(3):
        typing.enter(request("interop.echo", [number], number))
        assert typing.read() == {"jsonrpc": "2.0", "result": number, "id": number}
    assert typing.end() == ""
    assert typing.process.returncode == 0


def test_nc_shows_a_notification_and_answers_a_call_by_hand(typing: Typing) -> None:
    typing.enter(request("interop.tell", ["local.told", [1, 2]]))
    assert typing.read() == {"jsonrpc": "2.0", "method": "local.told", "params": [1, 2]}
    assert typing.read() == {"jsonrpc": "2.0", "result": None, "id": 1}
    typing.enter(request("interop.ask", ["local.name", []], 2))
    asked = typing.read()
    assert asked["method"] == "local.name"
    typing.enter({"jsonrpc": "2.0", "result": "a person", "id": asked["id"]})
    assert typing.read() == {"jsonrpc": "2.0", "result": "a person", "id": 2}


def test_nc_says_who_it_is_in_its_first_line(guarded: Interop) -> None:
    command = 'printf "%s\n%s\n" "$AUTH" "$CALL" | nc -N 127.0.0.1 $PORT'
    auth = json.dumps(request("auth", ["alice", "wonder"], 0))
    answers = said(f"AUTH='{auth}'; {command}", port=guarded.port_of("line")).splitlines()
    assert answers == ['{"jsonrpc":"2.0","result":true,"id":0}', ANSWER]


# -- Unix sockets, standard input and output -----------------------------------------------------


def test_curl_and_nc_reach_a_unix_socket(tmp_path: Path) -> None:
    listeners = {"unix": listen("hybrid", endpoint="unix:rpc.sock")}
    with Interop(tmp_path, listeners):
        assert said('echo "$CALL" | nc -NU rpc.sock', cwd=tmp_path) == ANSWER + "\n"
        command = 'curl -sS --unix-socket rpc.sock --json "$CALL" http://localhost/rpc'
        assert said(command, cwd=tmp_path) == ANSWER


def test_a_pipe_through_the_daemon_holds_answers_alone(tmp_path: Path) -> None:
    config = tmp_path / "rpc.toml"
    config.write_text(listen("stdio", endpoint="") + EXPOSE, encoding="utf-8")
    command = f'printf "%s\n%s\n" "$CALL" "$CALL" | {TWISTD} -n --pidfile= rpc --config rpc.toml'
    done = paste(command, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{ANSWER}\n{ANSWER}\n"
    assert "Server Shut Down." in done.stderr


# -- WebSocket -----------------------------------------------------------------------------------


@pytest.mark.usefixtures("node_modules")
@pytest.mark.parametrize("listener", ["hybrid", "http", "websocket"])
def test_a_line_of_node_calls_over_a_websocket(daemon: Interop, listener: str) -> None:
    command = """node -e '
        const ws = new (require("ws"))("ws://127.0.0.1:" + process.env.PORT);
        ws.on("open", () => ws.send(process.env.CALL));
        ws.on("message", (data) => { console.log(String(data)); ws.close(); })'"""
    assert said(command, port=daemon.port_of(listener), cwd=HERE) == ANSWER + "\n"
