"""Daemons that every test of this directory may share: one process each, on ports of its own."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from tests.interop.daemon import HERE, Interop, listen
from tests.interop.servers.table import Servers
from tests.processes import DEADLINE

LISTENERS = {
    "hybrid": listen("hybrid"),
    "line": listen("tcp", "line"),
    "stream": listen("tcp", "stream"),
    "header": listen("tcp", "header"),
    "netstring": listen("tcp", "netstring"),
    "auto": listen("tcp", "auto"),
    "http": listen("http"),
    "websocket": listen("websocket"),
}


@pytest.fixture(scope="session")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Interop]:
    """A daemon that lets everybody in, with every transport and framing."""
    with Interop(tmp_path_factory.mktemp("open"), LISTENERS) as running:
        yield running


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Interop]:
    """The same, for alice alone, whose password is wonder."""
    directory = tmp_path_factory.mktemp("guarded")
    auth = ("--auth", "memory:alice:wonder")
    # Some clients call again and again with a wrong password.
    limits = 'max_auth_attempts = "none"'
    with Interop(directory, LISTENERS, *auth, limits=limits) as running:
        yield running


@pytest.fixture(scope="session")
def node_modules() -> None:
    """The packages of package-lock.json are installed."""
    assert (HERE / "node_modules" / "ws").is_dir(), "run `make interop`, which installs them"
    subprocess.run(["node", "--version"], check=True, capture_output=True, timeout=DEADLINE)


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory, node_modules: None) -> Iterator[Servers]:
    """Other people's servers."""
    with Servers(tmp_path_factory.mktemp("servers")) as running:
        yield running
