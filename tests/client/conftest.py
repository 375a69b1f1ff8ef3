"""A server that tests of clients may stop and start."""

from __future__ import annotations

import pytest

from tests.client.place import Place
from twisted_rpc.testing import Network


@pytest.fixture
def place(rpc_network: Network) -> Place:
    """A server in memory."""
    return Place(rpc_network)
