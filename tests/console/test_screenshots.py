"""The pictures of docs/console.md are drawn by their script, small, and all of them shown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.browser.browser import Chromium
from tests.console.browsing import ROOT
from tests.console.screenshots import IMAGES, PICTURES, draw
from tests.console.servers import Served

MOST = 150_000
"""Bytes."""


@pytest.mark.parametrize("name", PICTURES)
def test_picture_can_be_drawn(
    chromium: Chromium, examples: Served, tmp_path: Path, name: str
) -> None:
    chromium.do(draw, chromium, examples.port, name, tmp_path)
    drawn = (tmp_path / name).read_bytes()
    kept = (IMAGES / name).read_bytes()
    assert size_of(drawn) == size_of(kept)
    assert len(kept) < MOST


def size_of(picture: bytes) -> tuple[int, ...]:
    """Width and height, from the first chunk of a PNG (its specification, section 11.2.2)."""
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    return tuple(int.from_bytes(picture[start : start + 4]) for start in (16, 20))


def test_all_are_shown() -> None:
    text = (ROOT / "docs/console.md").read_text(encoding="utf-8")
    assert set(re.findall(r"\(images/([^)]+)\)", text)) == set(PICTURES)
    assert {path.name for path in IMAGES.iterdir()} == set(PICTURES)
