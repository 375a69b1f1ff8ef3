"""One browser and a few servers for all tests of this directory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser.browser import EVIL, Chromium
from tests.browser.servers import LOOPBACK, CarelessServer, CountingDaemon, PageServer


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    """The browser."""
    with Chromium() as running:
        yield running


@pytest.fixture(scope="session")
def pages() -> Iterator[PageServer]:
    """A web site of strangers."""
    with PageServer() as running:
        yield running


@pytest.fixture(scope="session")
def careless() -> Iterator[CarelessServer]:
    """A server that runs everything."""
    with CarelessServer() as running:
        yield running


@pytest.fixture(scope="session")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CountingDaemon]:
    """A daemon as it is when nobody configures anything."""
    with CountingDaemon(tmp_path_factory.mktemp("default")) as running:
        yield running


@pytest.fixture(scope="session")
def friendly(
    tmp_path_factory: pytest.TempPathFactory, pages: PageServer
) -> Iterator[CountingDaemon]:
    """A daemon that lists the strangers' origin and their name, and has a page of its own."""
    web = f"""
        [web]
        origins = ["http://{LOOPBACK}:{pages.port}"]
        hosts = ["{EVIL}"]
        credentials = true
        resource = "service:Site"
    """
    with CountingDaemon(tmp_path_factory.mktemp("friendly"), web) as running:
        yield running
