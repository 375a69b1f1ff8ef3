"""For pytest: `pytest_plugins = ["twisted_rpc.testing.fixtures"]` in a `conftest.py`."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import pytest

from twisted_rpc.testing.network import Network

__all__ = ["rpc_network"]


_failed = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note whether a test has failed."""
    report = yield
    if report.failed:
        item.stash[_failed] = True
    return report


@pytest.fixture
def rpc_network(request: pytest.FixtureRequest) -> Iterator[Network]:
    """A `Network` that is closed, and complains of what is left over, after a good test."""
    network = Network()
    yield network
    if not request.node.stash.get(_failed, False):
        network.close()
