"""What is told of the machine, also where something is missing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks import machine


def test_what_is_not_installed_is_said_to_be_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(machine, "OURS", ("Twisted", "no-such-package"))
    monkeypatch.setattr(machine, "VENV", tmp_path / "python")
    assert machine.machine()["node"] == machine.machine()["compiler"] == "none"
    assert machine.versions()["no-such-package"] == "none"
    assert not [name for name in machine.versions() if name.startswith("PyPI")]


def test_installed_peers_are_told_with_their_versions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = tmp_path / "node"
    (node / "node_modules" / "jayson").mkdir(parents=True)
    (node / "node_modules" / "jayson" / "package.json").write_text('{"version": "5.0.0"}')
    (node / "package.json").write_text('{"dependencies": {"jayson": "5", "absent": "1"}}')
    (tmp_path / "python").mkdir()
    (tmp_path / "python" / "requirements.txt").write_text("# of others\npytest[extra]==1\n")
    monkeypatch.setattr(machine, "NODE", node)
    monkeypatch.setattr(machine, "VENV", Path(sys.executable))
    found = machine.versions()
    assert found["npm jayson"] == "5.0.0"
    assert "npm absent" not in found
    assert found["PyPI pytest"] == pytest.__version__
