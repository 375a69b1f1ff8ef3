"""The configuration: its defaults, and errors that name file, table and key."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from twisted_rpc.config import Config, Limits, ServerTable, WebTable
from twisted_rpc.configuration_file import load, parse
from twisted_rpc.errors import ConfigError
from twisted_rpc.listener import Listener

WHOLE = """
[server]
class = "myapp.rpc:MyServer"
debug = true
auth = ["file:etc/passwd", "memory:a:b"]

[[listen]]
transport = "tcp"
endpoint = "tcp:7001:interface=127.0.0.1"
framing = "header"

[[listen]]
transport = "http"
endpoint = "tcp:7002"
path = "/api"

[[listen]]
transport = "stdio"
framing = "stream"

[expose]
calc = "examples.calculator:Calculator"
"a.b" = "os.path"

[limits]
max_message = 2048
call_timeout = 1.5
ping_interval = "none"
max_connections = "none"

[web]
hosts = ["rpc.example.com"]
origins = ["https://example.com", "http://localhost:8080"]
resource = "myapp:site"
headers = { X-Frame-Options = "DENY", Empty = "" }
"""


def problem(text: str) -> str:
    """What is said of a file, without the file's name, which must come first."""
    with pytest.raises(ConfigError) as caught:
        parse(text, "etc/rpc.toml")
    said = str(caught.value)
    assert said.startswith("etc/rpc.toml: ")
    return said.removeprefix("etc/rpc.toml: ")


def test_empty_file_is_all_defaults() -> None:
    config = parse("", "x")
    assert config == Config()
    assert (config.server, config.limits, config.web) == (ServerTable(), Limits(), WebTable())
    assert (config.listen, config.expose) == ((), {})


def test_every_key_is_read() -> None:
    config = parse(WHOLE, "x")
    assert config.server.class_ == "myapp.rpc:MyServer"
    assert config.server.debug
    assert config.server.auth == ("file:etc/passwd", "memory:a:b")
    assert [(line.transport, line.framing, line.path) for line in config.listen] == [
        ("tcp", "header", None),
        ("http", None, "/api"),
        ("stdio", "stream", None),
    ]
    assert config.expose == {"calc": "examples.calculator:Calculator", "a.b": "os.path"}
    assert config.web.headers == {"X-Frame-Options": "DENY", "Empty": ""}
    assert config.web.origins == ("https://example.com", "http://localhost:8080")
    assert (config.web.hosts, config.web.resource) == (("rpc.example.com",), "myapp:site")


def test_limits_left_out_keep_their_defaults_and_none_switches_off() -> None:
    limits = parse(WHOLE, "x").limits
    assert (limits.max_message, limits.call_timeout) == (2048, 1.5)
    assert (limits.ping_interval, limits.max_connections) == (None, None)
    assert limits.max_batch == Limits().max_batch


DEFAULTS = {
    "max_message": 2**20,
    "max_response": 10 * 2**20,
    "max_batch": 100,
    "max_depth": 64,
    "max_in_flight": 20,
    "max_calls": 1000,
    "max_outgoing": 100,
    "max_errors": 100,
    "max_connections": 1000,
    "max_connections_per_address": 100,
    "max_unauthenticated": 100,
    "calls_per_second": None,
    "calls_per_second_per_address": None,
    "calls_burst": 100,
    "error_cost": 10,
    "call_timeout": 30,
    "request_timeout": 30,
    "handshake_timeout": 10,
    "idle_timeout": 120,
    "unread_timeout": 20,
    "max_unread": 2**20,
    "ping_interval": 30,
    "ping_timeout": 10,
    "drain_timeout": 5,
    "drain_delay": None,
    "max_auth_message": 4096,
    "max_auth_attempts": 10,
    "auth_delay": 0.25,
    "auth_recheck": 60,
    "ticket_timeout": 30,
}


def test_default_limits_are_the_documented_ones() -> None:
    limits = Limits()
    assert {name: getattr(limits, name) for name in Limits.__struct_fields__} == DEFAULTS


@pytest.mark.parametrize("name", DEFAULTS)
def test_every_limit_can_be_set_and_switched_off(name: str) -> None:
    assert getattr(parse(f"[limits]\n{name} = 7", "x").limits, name) == 7
    assert getattr(parse(f'[limits]\n{name} = "none"', "x").limits, name) is None
    assert getattr(Limits(**{name: None}), name) is None


@pytest.mark.parametrize("value", ["0", "-1"])
@pytest.mark.parametrize("name", DEFAULTS)
def test_limit_that_is_not_positive_is_refused(name: str, value: str) -> None:
    expected = f"{name} must be greater than 0 ('none' switches it off)"
    assert problem(f"[limits]\n{name} = {value}") == f"[limits]: {expected}"
    with pytest.raises(ValueError, match=f"{name} must be greater than 0"):
        Limits(**{name: int(value)})


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_timeout_that_is_no_number_of_seconds_is_refused(value: str) -> None:
    assert problem(f"[limits]\ncall_timeout = {value}").startswith("[limits]: call_timeout must")


@pytest.mark.parametrize("table", [Config(), Limits(), Listener(transport="stdio"), WebTable()])
def test_values_cannot_be_changed(table: object) -> None:
    name = table.__struct_fields__[0]  # type: ignore[attr-defined]
    with pytest.raises(AttributeError):
        setattr(table, name, None)


TABLES = "server, listen, expose, limits, web, access, log"
SERVER_KEYS = (
    "class, debug, auth, stall_warning, insecure_public, title, version, description, discover"
)

HTTP = "[[listen]]\ntransport = 'http'\nendpoint = 'tcp:1'\n"
PROBLEMS = {
    "x =": "Invalid value (at end of document)",
    "x = 1": f"x: unknown table; known: {TABLES}",
    "[sever]\nx = 1": f"sever: unknown table; known: {TABLES}",
    "[server]\nclas = 'x'": f"[server] clas: unknown key; known: {SERVER_KEYS}",
    "[server]\nclass_ = 'x'": f"[server] class_: unknown key; known: {SERVER_KEYS}",
    "[access.ann]\nrolez = []": "[access.ann] rolez: unknown key; known: roles, allow, deny",
    "[access.ann]\nroles = 1": "[access.ann] roles: Expected 'array', got 'int'",
    "[server]\nclass = 1": "[server] class: Expected 'str', got 'int'",
    "[server]\ndebug = 1": "[server] debug: Expected 'bool', got 'int'",
    "[server]\nauth = 'x'": "[server] auth: Expected 'array', got 'str'",
    "[server]\nauth = ['x', 1]": "[server] auth.#2: Expected 'str', got 'int'",
    "server = 'x'": "[server]: Expected 'object', got 'str'",
    "[limits]\nmax_batch = 'x'": "[limits] max_batch: Expected 'int', got 'str'",
    "[limits]\nmax_batch = 1.5": "[limits] max_batch: Expected 'int', got 'float'",
    "[limits]\nmax_batch = true": "[limits] max_batch: Expected 'int', got 'bool'",
    "[limits.max_batch]\nx = 1": "[limits] max_batch: Expected 'int', got 'object'",
    "limits = 5": "[limits]: Expected 'object', got 'int'",
    "[listen]\ntransport = 'tcp'": "[listen]: write [[listen]], there may be several",
    "listen = 5": "[listen]: Expected 'array', got 'int'",
    "listen = [1]": "[[listen]] #1: Expected 'object', got 'int'",
    "[[listen]]\nendpoint = 'x'": "[[listen]] #1: Object missing required field 'transport'",
    "[[listen]]\ntransport = 'udp'": (
        "[[listen]] #1 transport: Invalid enum value 'udp'; "
        "one of tcp, http, websocket, hybrid, stdio"
    ),
    "[[listen]]\ntransport = 'tcp'": (
        "[[listen]] #1: endpoint is missing, such as 'tcp:7080:interface=127.0.0.1'"
    ),
    "[[listen]]\ntransport = 'stdio'\n[[listen]]\ntransport = 'stdio'\nport = 1": (
        "[[listen]] #2 port: unknown key; known: transport, endpoint, framing, path, namespaces, "
        "certificate, key, sni, tls_minimum, client_ca, client_certificates, redirect, "
        "health, openrpc, client, console, metrics, admin"
    ),
    "[[listen]]\ntransport = 'stdio'\nendpoint = 'x'": "[[listen]] #1: stdio takes no endpoint",
    "[[listen]]\ntransport = 'tcp'\nendpoint = 'x'\nframing = 'json'": (
        "[[listen]] #1 framing: Invalid enum value 'json'; "
        "one of line, stream, header, netstring, auto"
    ),
    "[[listen]]\ntransport = 'http'\nendpoint = 'x'\nframing = 'line'": (
        "[[listen]] #1: framing is for tcp and stdio, not for http"
    ),
    "[[listen]]\ntransport = 'tcp'\nendpoint = 'x'\npath = '/x'": (
        "[[listen]] #1: path is for http, websocket and hybrid, not tcp"
    ),
    "[[listen]]\ntransport = 'hybrid'\nendpoint = 'x'\npath = 'x'": (
        "[[listen]] #1: path must begin with '/'"
    ),
    f"{HTTP}redirect = 'https://a'\nconsole = true": (
        "[[listen]] #1: console: nothing but the redirect is served there"
    ),
    f"{HTTP}redirect = 'https://a'\nadmin = true": (
        "[[listen]] #1: admin: nothing but the redirect is served there"
    ),
    f"{HTTP}key = 'k'": "[[listen]] #1: key is nothing without certificate",
    f"{HTTP}sni.x.certificate = 'c'": "[[listen]] #1: sni is nothing without certificate",
    f"{HTTP}client_ca = 'c'": "[[listen]] #1: client_ca is nothing without certificate",
    f"{HTTP}certificate = 'c'\nclient_certificates = 'optional'": (
        "[[listen]] #1: client_certificates is nothing without client_ca"
    ),
    f"{HTTP}certificate = 'c'\nclient_certificates = 'maybe'": (
        "[[listen]] #1 client_certificates: Invalid enum value 'maybe'; one of required, optional"
    ),
    f"{HTTP}certificate = 'c'\ntls_minimum = '1.1'": (
        "[[listen]] #1 tls_minimum: Invalid enum value '1.1'; one of 1.2, 1.3"
    ),
    f"{HTTP}certificate = 'c'\nsni.A.certificate = 'c'": (
        "[[listen]] #1: sni: 'A' is no name of a host in lower case"
    ),
    f"{HTTP}certificate = 'c'\nsni.'a.*'.certificate = 'c'": (
        "[[listen]] #1: sni: 'a.*' is no name of a host in lower case"
    ),
    f"{HTTP}certificate = 'c'\nsni.a.key = 'k'": (
        "[[listen]] #1 sni: Object missing required field 'certificate'"
    ),
    "[[listen]]\ntransport = 'stdio'\ncertificate = 'c'": (
        "[[listen]] #1: certificate is not for stdio"
    ),
    "[[listen]]\ntransport = 'tcp'\nendpoint = 'ssl:1'\ncertificate = 'c'": (
        "[[listen]] #1: an ssl: endpoint has its own certificate; write tcp: instead"
    ),
    "[[listen]]\ntransport = 'tcp'\nendpoint = 'x'\nconsole = true": (
        "[[listen]] #1: console is for http and hybrid, not for tcp"
    ),
    f"{HTTP}path = '/x'\nredirect = 'https://a'": (
        "[[listen]] #1: redirect is for http, and without path"
    ),
    "[[listen]]\ntransport = 'tcp'\nendpoint = 'x'\nredirect = 'https://a'": (
        "[[listen]] #1: redirect is for http, and without path"
    ),
    **{
        f"{HTTP}redirect = '{wrong}'": (
            "[[listen]] #1: redirect must be an origin such as 'https://rpc.example.com'"
        )
        for wrong in ("http://a", "https://", "https://a/b", "https://a b", "https://a:x", "a")
    },
    "expose = 5": "[expose]: Expected 'object', got 'int'",
    "[expose]\ncalc = 1": "[expose] calc: expected 'MODULE:OBJECT', got 1",
    "[expose.calc]\nadd = 'x'": "[expose] calc: expected 'MODULE:OBJECT', got {'add': 'x'}",
    "[web]\norigins = [1]": "[web] origins.#1: Expected 'str', got 'int'",
    "[web]\norigin = []": "[web] origin: unknown key; known: hosts, origins, "
    "cors_headers, cors_expose, cors_max_age, credentials, hsts, headers, resource",
    "[web.headers]\nX = 1": "[web] headers: Expected 'str', got 'int'",
    "[web.headers]\n'a b' = 'x'": "[web]: headers: 'a b' is no header name",
    "[web.headers]\n'' = 'x'": "[web]: headers: '' is no header name",
    '[web.headers]\nX = "a\\r\\nb"': "[web]: headers: the value of 'X' is no header value",
    "[web.headers]\nVary = 'x'": "[web]: headers: 'Vary' is ours to say",
    "[web.headers]\nAccess-Control-Allow-Origin = '*'": (
        "[web]: headers: 'Access-Control-Allow-Origin' is said by origins and the cors keys"
    ),
    "[web]\ncredentials = true": (
        "[web]: credentials: no page may send them; list its origin in origins"
    ),
    "[web]\ncors_headers = ['*']": "[web]: cors_headers: '*' is no header name",
    "[web]\ncors_headers = ['a b']": "[web]: cors_headers: 'a b' is no header name",
    "[web]\ncors_expose = ['']": "[web]: cors_expose: '' is no header name",
    "[web]\ncors_max_age = -1": "[web]: cors_max_age must be 0 or more seconds",
    "[web]\nhsts = -1": "[web]: hsts must be 0 or more seconds",
    "[web]\nhsts = 'none'": "[web] hsts: Expected 'int', got 'str'",
    '[web.headers]\nX = "\\u00e9"': "[web]: headers: the value of 'X' is no header value",
}


@pytest.mark.parametrize(("text", "said"), PROBLEMS.items())
def test_problem_is_named_by_table_and_key(text: str, said: str) -> None:
    assert problem(text) == said


@pytest.mark.parametrize(
    "origin",
    [
        "example.com",
        "https://",
        "https://example.com/",
        "https://example.com/path",
        "https://ann@example.com",
        "https://example.com?x",
        "https://example.com:65536",
        "https://example..com",
        "https://b\u00fccher.example",
        "https://[::1",
        "null",
        "ftp://x",
    ],
)
def test_what_is_no_origin_is_refused(origin: str) -> None:
    said = f"[web]: origins: {origin!r} is no origin, such as 'https://example.com'"
    assert problem(f"[web]\norigins = ['{origin}']") == said


@pytest.mark.parametrize("origin", ["*", "https://*.example.com", "https://*"])
def test_a_pattern_of_origins_is_refused(origin: str) -> None:
    said = f"[web]: origins: {origin!r} would let in pages of strangers; list each origin"
    assert problem(f"[web]\norigins = ['{origin}']") == said


def test_unknown_limit_lists_those_there_are() -> None:
    said = problem("[limits]\nmax_messages = 1")
    assert said == f"[limits] max_messages: unknown key; known: {', '.join(DEFAULTS)}"


def test_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "rpc.toml"
    file.write_text(WHOLE, encoding="utf-8")
    assert load(str(file)) == parse(WHOLE, "x")


def test_problem_names_the_file(tmp_path: Path) -> None:
    file = tmp_path / "rpc.toml"
    file.write_text("x = 1")
    with pytest.raises(ConfigError, match="unknown table") as caught:
        load(str(file))
    assert str(caught.value).startswith(f"{file}: ")


def test_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    for path, reason in ((tmp_path / "none.toml", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(ConfigError) as caught:
            load(str(path))
        assert str(caught.value).startswith(f"{path}: {reason}")


def test_file_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    file = tmp_path / "rpc.toml"
    file.write_bytes(b"x = '\xff'")
    with pytest.raises(ConfigError) as caught:
        load(str(file))
    assert str(caught.value) == f"{file}: not UTF-8 at byte 5"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('hosts = ["app.example.com:7080"]', "leave out the port"),
        ('hosts = ["http://x"]', "leave out the port"),
        ('headers = {"Content-Length" = "5"}', "'Content-Length' is ours to say"),
        ('headers = {"transfer-encoding" = "chunked"}', "'transfer-encoding' is ours to say"),
    ],
)
def test_web_table_takes_nothing_that_cannot_work(text: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(problem)):
        parse(f"[web]\n{text}", "rpc.toml")


@pytest.mark.parametrize("host", ["app.example.com", "10.0.0.1", "::1", "[2001:db8::1]"])
def test_hosts_are_names_and_addresses(host: str) -> None:
    assert parse(f'[web]\nhosts = ["{host}"]', "rpc.toml").web.hosts == (host,)


def test_the_warning_of_stalls_can_be_set_and_switched_off() -> None:
    assert parse("", "x").server.stall_warning == 0.25
    assert parse("[server]\nstall_warning = 2", "x").server.stall_warning == 2
    assert parse('[server]\nstall_warning = "none"', "x").server.stall_warning is None


@pytest.mark.parametrize("value", ["0", "-1", "inf"])
def test_the_warning_of_stalls_is_a_time(value: str) -> None:
    expected = "[server]: stall_warning must be greater than 0 ('none' switches it off)"
    assert problem(f"[server]\nstall_warning = {value}") == expected
