"""The libraries of the console's page are those that vendor/package-lock.json names."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

from tests.processes import DEADLINE

VENDOR = Path(__file__).parents[2] / "vendor"
FOLDER = VENDOR.parent / "twisted_rpc/pages/static/console/vendor"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_files_are_what_the_script_makes_of_the_packages(tmp_path: Path) -> None:
    assert (VENDOR / "node_modules").is_dir(), "run `make vendor`, which installs them"
    made = tmp_path / "made"
    command = ["node", str(VENDOR / "copy.mjs"), str(made)]
    subprocess.run(command, check=True, capture_output=True, timeout=DEADLINE)
    assert contents(made) == contents(FOLDER)


def test_the_versions_are_the_locked_ones() -> None:
    lock = json.loads((VENDOR / "package-lock.json").read_text(encoding="utf-8"))
    for name, file in {"preact": "preact.js", "htm": "htm.js", "uplot": "uplot.js"}.items():
        head = (FOLDER / file).read_text(encoding="utf-8").partition("\n")[0]
        assert f"{name} {lock['packages'][f'node_modules/{name}']['version']};" in head


def test_modules_import_each_other_by_relative_paths_alone() -> None:
    for path in FOLDER.glob("*.js"):
        text = path.read_text(encoding="utf-8")
        for imported in re.findall(r"""\bfrom\s*["']([^"']*)""", text):
            assert imported.startswith("./"), path.name
            assert (FOLDER / imported).is_file(), path.name
