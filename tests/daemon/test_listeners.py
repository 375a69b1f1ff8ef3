"""Every kind of listener `twistd rpc` can have, several of them at once."""

from __future__ import annotations

import datetime
import json
import socket
import ssl
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.daemon.clients import ANY_PORT, LineClient, WebSocketClient, post, request
from tests.daemon.conftest import Start
from tests.installation import Installation
from tests.processes import DEADLINE, Daemon

EXPOSE = ("--expose", "calc=mymodule:Calculator")
ANSWER = {"jsonrpc": "2.0", "result": 3.0, "id": 1}


def unix_client(path: Path) -> LineClient:
    """Connect to a Unix socket."""
    connected = socket.socket(socket.AF_UNIX)
    connected.connect(str(path))
    return LineClient(connected)


@pytest.fixture
def certificate(project: Path) -> ssl.SSLContext:
    """Write `key.pem` and `cert.pem` for localhost; what a client that trusts it needs."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (project / "cert.pem").write_bytes(made.public_bytes(pem))
    (project / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return ssl.create_default_context(cafile=project / "cert.pem")


def test_several_listeners_serve_the_same_object_at_once(start: Start, project: Path) -> None:
    transports = ("--tcp", ANY_PORT, "--http", ANY_PORT, "--websocket", ANY_PORT)
    options = (*EXPOSE, *transports, "--hybrid", ANY_PORT, "--tcp", "unix:rpc.sock")
    with start(*options, listeners=4) as daemon:
        tcp, http, websocket, hybrid = daemon.ports
        with (
            LineClient.to(tcp) as line,
            WebSocketClient.to(websocket) as web,
            LineClient.to(hybrid) as any_line,
            unix_client(project / "rpc.sock") as local,
        ):
            clients: list[LineClient | WebSocketClient] = [line, web, any_line, local]
            assert [client.call("calc.add", 1, 2) for client in clients] == [ANSWER] * 4
        assert post(http, request("calc.add", 1, 2))[2] == ANSWER
        assert post(hybrid, request("calc.add", 1, 2))[2] == ANSWER
        assert post(websocket, request("calc.add", 1, 2), "/nothing")[0] == 404


def test_a_unix_socket_is_for_its_owner_alone(start: Start, project: Path) -> None:
    path = project / "rpc.sock"
    with start(*EXPOSE, "--tcp", f"unix:{path}", listeners=0) as daemon:
        daemon.wait_for(r"tcp on unix:\S+rpc\.sock$")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with unix_client(path) as line:
            assert line.call("calc.add", 1, 2) == ANSWER
    assert not path.exists()


def test_a_unix_socket_has_the_mode_it_is_given(start: Start, project: Path) -> None:
    path = project / "rpc.sock"
    with start(*EXPOSE, "--tcp", f"unix:{path}:mode=660", listeners=0) as daemon:
        daemon.wait_for(r"tcp on unix:\S+rpc\.sock$")
        assert stat.S_IMODE(path.stat().st_mode) == 0o660


@pytest.mark.parametrize("transport", ["tcp", "hybrid"])
def test_tls(start: Start, certificate: ssl.SSLContext, transport: str) -> None:
    listener = "ssl:0:interface=127.0.0.1:privateKey=key.pem:certKey=cert.pem"
    with start(*EXPOSE, f"--{transport}", listener) as daemon:
        plain = socket.create_connection(("127.0.0.1", daemon.port), DEADLINE)
        with LineClient(certificate.wrap_socket(plain, server_hostname="localhost")) as line:
            assert line.call("calc.add", 1, 2) == ANSWER


@pytest.mark.parametrize("transport", ["http", "hybrid", "websocket"])
def test_tls_for_clients_that_name_their_protocol(
    start: Start, certificate: ssl.SSLContext, transport: str
) -> None:
    listener = "ssl:0:interface=127.0.0.1:privateKey=key.pem:certKey=cert.pem"
    certificate.set_alpn_protocols(["h2", "http/1.1"])
    with start(*EXPOSE, f"--{transport}", listener) as daemon:
        plain = socket.create_connection(("127.0.0.1", daemon.port), DEADLINE)
        with certificate.wrap_socket(plain, server_hostname="localhost") as line:
            assert line.selected_alpn_protocol() == "http/1.1"


HAND_OVER = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_FDS="1", LISTEN_FDNAMES="rpc.socket", LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[2], sys.argv[2:])
"""


def test_a_socket_that_systemd_hands_over(installed: Installation, project: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        number = str(server.fileno())
        twistd = [installed.command("twistd"), "-n", "--pidfile=", "rpc", *EXPOSE]
        command = [sys.executable, "-c", HAND_OVER, number, *twistd]
        listener = "systemd:domain=INET:index=0"
        with Daemon(
            [*command, "--tcp", listener],
            project,
            installed.environment,
            pass_fds=[server.fileno()],
        ) as daemon:
            assert daemon.port == port
            with LineClient.to(port) as line:
                assert line.call("calc.add", 1, 2) == ANSWER


def framed(message: bytes) -> bytes:
    """A message with the header of the Language Server Protocol."""
    return b"Content-Length: %d\r\n\r\n%b" % (len(message), message)


@pytest.mark.parametrize("framing", ["line", "header"])
def test_standard_input_and_output_carry_messages_and_nothing_else(
    start: Start, project: Path, framing: str
) -> None:
    (project / "rpc.toml").write_text(
        f'[[listen]]\ntransport = "stdio"\nframing = "{framing}"\n', encoding="utf-8"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with start(*EXPOSE, "--config", "rpc.toml", listeners=0, **pipes) as daemon:
        frame = framed if framing == "header" else lambda message: message + b"\n"
        calls = [frame(request("calc.add", 1, 2, id=id)) for id in (1, 2)]
        # The answers come, and the daemon ends, because its input does.
        output, _ = daemon.process.communicate(b"".join(calls), DEADLINE)
        answers = [json.dumps({**ANSWER, "id": id}, separators=(",", ":")) for id in (1, 2)]
        assert output == b"".join(frame(answer.encode()) for answer in answers)
        assert daemon.process.returncode == 0
        assert daemon.log.count("noise of a call") == 2
        assert daemon.log.count("noise of an import") == 1


def test_standard_output_may_be_a_file(start: Start, project: Path) -> None:
    (project / "rpc.toml").write_text('[[listen]]\ntransport = "stdio"\n', encoding="utf-8")
    with (project / "answers").open("wb") as answers:
        pipes = {"stdin": subprocess.PIPE, "stdout": answers}
        with start(*EXPOSE, "--config", "rpc.toml", listeners=0, **pipes) as daemon:
            daemon.process.communicate(request("calc.add", 1, 2) + b"\n", DEADLINE)
            assert daemon.process.returncode == 0
    assert json.loads((project / "answers").read_bytes()) == ANSWER


def test_it_ends_when_nobody_reads_standard_output_any_more(start: Start, project: Path) -> None:
    (project / "rpc.toml").write_text('[[listen]]\ntransport = "stdio"\n', encoding="utf-8")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with start(*EXPOSE, "--config", "rpc.toml", listeners=0, **pipes) as daemon:
        process = daemon.process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(request("calc.add", 1, 2) + b"\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline()) == ANSWER
        process.stdout.close()
        assert process.wait(DEADLINE) == 0
        process.stdin.close()
