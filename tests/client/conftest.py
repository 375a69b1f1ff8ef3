"""Servers for tests of clients: in memory, to be stopped and started; in another process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.client.place import Place
from tests.client.serving_process import Serving
from twisted_rpc.testing import Network

HERE = Path(__file__).parent


@pytest.fixture
def place(rpc_network: Network) -> Place:
    """A server in memory."""
    return Place(rpc_network)


@contextmanager
def _serving() -> Iterator[Serving]:
    command = [sys.executable, str(HERE / "serving.py")]
    root = HERE.parents[1]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        yield Serving(process)
        process.terminate()


@pytest.fixture(scope="module")
def shared() -> Iterator[Serving]:
    """A server in another process, for whoever does not look at what it says."""
    with _serving() as running:
        yield running


@pytest.fixture
def own() -> Iterator[Serving]:
    """One for a single test."""
    with _serving() as running:
        yield running
