"""The layers of the package, read from its imports.

The table is `docs/architecture.md` in a form that can fail: a module imports from its own
layer or lower ones, the protocol layer knows neither Twisted nor sockets, transports
know each other only where one is made of another, and nothing installs a reactor.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import twisted_rpc

ROOT = Path(twisted_rpc.__file__).parent

LAYERS = (
    {
        *("authority", "binding", "codec", "config", "configuration_file", "context"),
        *("correlation", "detection", "docstrings", "errors", "events", "framing", "identity"),
        *("listener", "log_table", "marking", "message", "params", "pending", "schemas"),
        *("signature", "tracing"),
    },
    {
        *("access", "admission", "answers", "batches", "counting", "deadline", "describing"),
        *("dispatch", "invocation", "long_way", "metering", "namespace", "observing", "openrpc"),
        *("rates", "running", "sparing"),
    },
    {
        *("auth.budget", "auth.credentials", "auth.gate", "auth.headers", "auth.logins"),
        *("auth.portal", "auth.tickets", "auth.validity"),
        *("batching", "broadcasting", "calling", "client", "connection", "discovery", "endpoint"),
        *(
            "entering",
            "exposing",
            "flow",
            "health",
            "interfaces",
            "keeping",
            "lines",
            "offline",
            "outgoing",
        ),
        *("peer", "proxy", "reloading", "server"),
    },
    {
        *("transports.base", "transports.bodies", "transports.certificates", "transports.channel"),
        *("transports.connecting", "transports.cors", "transports.exchange"),
        *("transports.handshakes", "transports.http", "transports.http_client"),
        *("transports.http_connection", "transports.hybrid", "transports.keep_alive"),
        *("transports.listening", "transports.memory", "transports.patience"),
        "transports.pipeline",
        *("transports.polling", "transports.reach", "transports.reading", "transports.records"),
        *("transports.redirect", "transports.repeated", "transports.resource"),
        *("transports.responses", "transports.routing", "transports.site", "transports.sockets"),
        *("transports.stream", "transports.stream_client", "transports.times", "transports.tls"),
        *("transports.tunnel", "transports.unix_socket", "transports.upgrading", "transports.urls"),
        *("transports.web", "transports.websocket", "transports.websocket_client"),
        *("transports.websocket_line", "transports.wire"),
    },
    {
        *("admin", "blocking"),
        *("checkers.arguments", "checkers.certificates", "checkers.fetching", "checkers.files"),
        *("checkers.hashing", "checkers.htpasswd", "checkers.jwt", "checkers.keys"),
        *("checkers.passwords", "checkers.tables", "checkers.tokens", "checkers.unix_peers"),
        "cli",
        *("cli.batches", "cli.commands", "cli.configuring", "cli.credentials", "cli.discovery"),
        *("cli.hearing", "cli.load", "cli.loading", "cli.measuring", "cli.output"),
        *("cli.parameters", "cli.passwords", "cli.program", "cli.progress", "cli.running"),
        *("cli.statistics", "cli.status", "cli.target", "cli.tokens"),
        *("futures", "lag", "loading"),
        *("logs.access", "logs.calls", "logs.choosing", "logs.events", "logs.levels"),
        *("logs.lines", "logs.observers", "logs.output", "logs.secrets"),
        *("pages.choosing", "pages.console", "pages.figures", "pages.health", "pages.metrics"),
        *("pages.openrpc", "pages.page", "pages.static", "pages.tree"),
        *("ports", "service", "signals", "spans", "tap"),
        *("testing.examples", "testing.faults", "testing.fixtures", "testing.network"),
        "testing.scripted",
        "watchdog",
    },
)

# What each transport is made of.  An upgrade turns http into websocket, and what lies on
# both sides of that seam is shared; hybrid joins transports that stand alone, and listening
# chooses one of them by its name.
TRANSPORTS = {
    "base": {"handshakes", "keep_alive", "polling", "wire"},
    "certificates": set(),
    "channel": set(),
    "handshakes": {"tls"},
    "keep_alive": {"sockets"},
    "reach": set(),
    "redirect": {"exchange", "http", "routing", "web"},
    "records": set(),
    "tls": {"certificates", "records"},
    "unix_socket": set(),
    "exchange": {"web"},
    "reading": {"exchange", "repeated", "web"},
    "repeated": set(),
    "http": {
        *("base", "exchange", "http_connection", "pipeline", "repeated", "responses", "routing"),
        *("site", "upgrading", "web"),
    },
    "http_connection": {"exchange"},
    "hybrid": {"base", "http", "patience", "stream"},
    "listening": {
        *("base", "http", "hybrid", "stream"),
        *("reach", "redirect", "routing", "tls", "unix_socket", "urls"),
    },
    "resource": {"base", "exchange", "responses", "routing", "web", "websocket"},
    "polling": set(),
    "pipeline": {"base", "exchange", "reading", "repeated", "responses", "times", "web"},
    "responses": {"exchange", "web", "wire"},
    "routing": {"exchange", "web"},
    "site": {"channel", "exchange", "wire"},
    "stream": {"base", "wire"},
    "times": set(),
    "cors": set(),
    "web": {"cors"},
    "websocket": {"base", "web", "websocket_line"},
    "websocket_line": {"wire"},
    "sockets": set(),
    "patience": set(),
    "wire": {"patience", "sockets"},
    "stream_client": {"base", "stream"},
    "websocket_client": {"base", "keep_alive", "websocket_line"},
    "http_client": {"bodies", "tunnel"},
    "memory": {"stream"},
    "bodies": set(),
    "tunnel": {"base"},
    "upgrading": {"websocket"},
    "urls": set(),
    "connecting": {"http_client", "stream_client", "tunnel", "urls", "websocket_client"},
}

LAYER_OF = {module: number for number, layer in enumerate(LAYERS) for module in layer}
# Facades: they hold nothing of their own, and nothing inside imports from them.
FACADES = {"", "auth", "checkers", "logs", "pages", "transports", "testing"}


def _name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


SOURCES = {_name(path): ast.parse(path.read_text("utf-8")) for path in sorted(ROOT.rglob("*.py"))}
MODULES = sorted(set(SOURCES) - FACADES)


def _imported(tree: ast.AST) -> Iterator[str]:
    """Every module named by an import, wherever it stands; `from a import b` as `a.b` too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _ours(module: str) -> set[str]:
    """The modules of the package that this one imports."""
    prefix = "twisted_rpc."
    named = {
        name.removeprefix(prefix) for name in _imported(SOURCES[module]) if name.startswith(prefix)
    }
    return named & set(MODULES)


def _foreign(module: str) -> set[str]:
    """The top-level packages from elsewhere that this one imports."""
    tops = {name.partition(".")[0] for name in _imported(SOURCES[module])}
    return tops - {"twisted_rpc"} - sys.stdlib_module_names


def test_table_names_every_module() -> None:
    assert set(LAYER_OF) == set(MODULES)
    assert {f"transports.{name}" for name in TRANSPORTS} == LAYERS[3]


@pytest.mark.parametrize("module", MODULES)
def test_module_imports_from_its_own_layer_or_lower(module: str) -> None:
    above = {other for other in _ours(module) if LAYER_OF[other] > LAYER_OF[module]}
    assert not above


@pytest.mark.parametrize("module", MODULES)
def test_module_does_not_import_a_facade(module: str) -> None:
    """A facade imports everything, so whoever imports it is above everything."""
    for node in ast.walk(SOURCES[module]):
        if isinstance(node, ast.ImportFrom) and node.module in ("twisted_rpc", ""):
            names = {alias.name for alias in node.names}
            assert names <= set(MODULES), f"{module} imports {names} from the facade"


@pytest.mark.parametrize("module", sorted(LAYERS[0]))
def test_protocol_layer_needs_only_msgspec(module: str) -> None:
    assert _foreign(module) <= {"msgspec"}


@pytest.mark.parametrize("module", sorted(LAYERS[0] | LAYERS[1] | LAYERS[2]))
def test_only_transports_and_above_speak_web_protocols(module: str) -> None:
    # A server has the registry that an application adds to.
    own = {"prometheus_client"} if module == "server" else set()
    assert _foreign(module) <= {"msgspec", "twisted", "zope"} | own
    assert not [name for name in _imported(SOURCES[module]) if name.startswith("twisted.web")]


@pytest.mark.parametrize("module", sorted(LAYERS[1] | LAYERS[2]))
def test_only_transports_frame(module: str) -> None:
    assert not {"framing", "detection"} & _ours(module)


def test_encoding_and_framing_do_not_know_who_uses_them() -> None:
    assert _ours("codec") == {"errors", "message"}
    assert _ours("framing") == {"errors"}


@pytest.mark.parametrize("transport", sorted(TRANSPORTS))
def test_transport_imports_only_what_it_is_made_of(transport: str) -> None:
    prefix = "transports."
    others = {name.removeprefix(prefix) for name in _ours(prefix + transport) & LAYERS[3]}
    assert others == TRANSPORTS[transport]


def test_imports_have_no_cycle() -> None:
    waiting = {module: _ours(module) for module in MODULES}
    while ready := [module for module, needs in waiting.items() if not needs & set(waiting)]:
        for module in ready:
            del waiting[module]
    assert not waiting


@pytest.mark.parametrize("module", sorted(set(SOURCES) - {""}))
def test_no_import_hides_behind_type_checking(module: str) -> None:
    """The package itself is the exception: it loads its names when they are asked for."""
    names = {node.id for node in ast.walk(SOURCES[module]) if isinstance(node, ast.Name)}
    attributes = {
        node.attr for node in ast.walk(SOURCES[module]) if isinstance(node, ast.Attribute)
    }
    assert "TYPE_CHECKING" not in names | attributes


def test_importing_every_module_installs_no_reactor() -> None:
    names = [f"twisted_rpc.{name}".rstrip(".") for name in SOURCES]
    program = (
        "import importlib, sys\n"
        "for name in sys.argv[1:]:\n"
        "    importlib.import_module(name)\n"
        "    assert 'twisted.internet.reactor' not in sys.modules, name\n"
        "print('none')\n"
    )
    command = [sys.executable, "-c", program, *names]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout.strip(), done.stderr) == ("none", "")
