"""The first minutes of somebody who has never seen it, as etc/try-it.txt has them."""

from __future__ import annotations

import json
import re
import subprocess

from playwright.sync_api import expect

from tests.console.browsing import ROOT, Visitor
from tests.processes import DEADLINE


def shell(command: str) -> str:
    """What a command prints that somebody pastes."""
    done = subprocess.run(
        ["bash", "-e", "-c", command], capture_output=True, text=True, timeout=DEADLINE, check=True
    )
    return done.stdout


def other_member(port: int) -> str:
    """The command of try-it.txt that has somebody else say something."""
    text = (ROOT / "etc/try-it.txt").read_text(encoding="utf-8")
    (command,) = re.findall(r"^ +(printf .*chat\.say.*)$", text, re.MULTILINE)
    return str(command).replace("7080", str(port))


def test_newcomer(visitor: Visitor) -> None:
    visitor.open(path="/")
    visitor.page.get_by_role("link", name="Try calc.add").click()
    visitor.button("Send").click()
    expect(visitor.answer).to_contain_text("OK")

    form = visitor.page.get_by_role("group", name="Parameters of calc.add")
    form.get_by_label(re.compile("^b")).fill("three")
    expect(form).to_contain_text("must be a number")
    visitor.button("Send").click()
    expect(visitor.answer.locator(".fault-name")).to_have_text("b")
    expect(visitor.answer).to_contain_text("The parameters do not fit the method.")
    form.get_by_label(re.compile("^b")).fill("40")
    visitor.button("Send").click()
    expect(visitor.answer).to_contain_text("OK")

    command = visitor.page.get_by_role("region", name="Copy as").locator("code").inner_text()
    assert json.loads(shell(command))["result"] == 42

    visitor.methods.get_by_role("link", name="chat.join").click()
    form = visitor.page.get_by_role("group", name="Parameters of chat.join")
    form.get_by_label(re.compile("^name")).fill("ann")
    visitor.button("Send").click()
    expect(visitor.answer).to_contain_text("OK")
    visitor.tab("Live").click()
    shell(other_member(visitor.port))
    stream = visitor.page.get_by_role("list", name="Notifications")
    expect(stream).to_contain_text("chat.said")
    expect(stream).to_contain_text("hello, ann")
