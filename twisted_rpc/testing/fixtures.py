"""For pytest: `pytest_plugins = ["twisted_rpc.testing.fixtures"]` in a `conftest.py`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from twisted_rpc.testing.network import Network

__all__ = ["rpc_network"]


@pytest.fixture
def rpc_network() -> Iterator[Network]:
    """A `Network` that is closed, and complains of what is left over, after the test."""
    with Network() as network:
        yield network
