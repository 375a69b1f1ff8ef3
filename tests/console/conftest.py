"""One browser and a few daemons for all tests of this directory.

Tests that take a `visitor` run in the browser's thread: Playwright's loop would be in the way of
all else that runs in theirs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.browser import Chromium
from tests.console.browsing import Visitor
from tests.console.servers import EXAMPLES, GUARDED, HOSTILE, Served

TOKEN = "a-token-of-the-tests"


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test in the browser's thread, if it has one."""
    visitor = pyfuncitem.funcargs.get("visitor")
    if visitor is None:
        return None
    chromium: Any = pyfuncitem.funcargs["chromium"]
    names = pyfuncitem._fixtureinfo.argnames
    given = {name: pyfuncitem.funcargs[name] for name in names}
    chromium.do(lambda: pyfuncitem.obj(**given))
    return True


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    """The browser."""
    with Chromium() as running:
        yield running


@pytest.fixture(scope="session")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A daemon that `make serve` could have started."""
    with Served(tmp_path_factory.mktemp("examples"), EXAMPLES) as running:
        yield running


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One where callers log in, by password or token, and may do this or that."""
    directory = tmp_path_factory.mktemp("guarded")
    hashed = hashlib.sha256(TOKEN.encode()).hexdigest()
    tokens = directory / "tokens.toml"
    tokens.write_text(f'[[token]]\nname = "ci"\nhash = "{hashed}"\n', encoding="utf-8")
    tokens.chmod(0o600)
    with Served(directory, GUARDED, keys="admin = true") as running:
        yield running


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One whose every name and text tries to be more than text."""
    with Served(tmp_path_factory.mktemp("hostile"), HOSTILE) as running:
        yield running


@pytest.fixture
def served(examples: Served) -> Served:
    """The daemon that a test looks at; a module may have another."""
    return examples


@pytest.fixture
def window() -> dict[str, Any]:
    """What the browser's window is like; a test may be given another."""
    return {"viewport": {"width": 1280, "height": 800}}


@pytest.fixture
def visitor(chromium: Chromium, served: Served, window: dict[str, Any]) -> Iterator[Visitor]:
    """Somebody with a browser that remembers nothing, and shows no error that is not expected."""
    context = chromium.do(lambda: chromium.browser.new_context(**window))
    made: Visitor = chromium.do(lambda: Visitor(context.new_page(), served.port))
    yield made
    chromium.do(context.close)
    assert made.complaints == []
