"""`etc/admin.toml` is what docs/operations.md runs, with an example to call."""

from __future__ import annotations

from tests.docs.pages import blocks_of
from tests.examples.daemon import ROOT
from tests.examples.test_public import without_what_is_exposed


def test_the_page_runs_the_same_listeners() -> None:
    blocks = blocks_of(ROOT / "docs" / "operations.md")
    (shown,) = [block.text for block in blocks if block.title == "admin.toml"]
    text = (ROOT / "etc" / "admin.toml").read_text(encoding="utf-8")
    assert without_what_is_exposed(shown) == without_what_is_exposed(text)
