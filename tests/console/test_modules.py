"""The console's modules that need no page: `node --test` runs the files in `js/`."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.console.parts_harness_types import DOCUMENT
from tests.processes import DEADLINE

FILES = sorted((Path(__file__).parent / "js").glob("*.test.js"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name.partition(".")[0])
def test_module(file: Path, tmp_path: Path) -> None:
    document = tmp_path / "openrpc.json"
    document.write_text(json.dumps(DOCUMENT), encoding="utf-8")
    done = subprocess.run(
        ["node", "--test", "--test-reporter=tap", file],
        env={**os.environ, "DOCUMENT": str(document)},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    passed = re.search(r"^# pass (\d+)$", done.stdout, re.MULTILINE)
    assert passed is not None
    assert int(passed[1]) > 0, done.stdout
