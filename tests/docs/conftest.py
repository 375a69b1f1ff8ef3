"""The installed package, and a directory for a page's files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import Page
from tests.installation import Installation, installation


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """The wheel in an environment of its own."""
    return installation(tmp_path_factory)


@pytest.fixture
def page(tmp_path: Path, installed: Installation) -> Iterator[Page]:
    """Where a page's blocks are run."""
    made = Page(tmp_path, installed)
    yield made
    made.stop()
