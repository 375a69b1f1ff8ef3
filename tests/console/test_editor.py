"""The editor of JSON, and JSON to look at."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.console.parts_harness import EchoDaemon, Parts, check_access

WRONG = '{\n  "a": [1, "text", true],\n  "b": oops\n}'


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    with EchoDaemon(tmp_path_factory.mktemp("editor")) as daemon, Parts(daemon.port) as running:
        yield running


def test_what_is_wrong_is_told_with_its_place(parts: Parts) -> None:
    def look(page: Page) -> None:
        text = page.get_by_label("Parameters")
        fault = "line 3, column 8: oops is no value; text stands in double quotes"
        expect(page.get_by_role("alert")).to_contain_text(fault)
        expect(text).to_have_attribute("aria-invalid", "true")
        expect(page.get_by_role("button", name="Format")).to_be_disabled()
        page.get_by_role("button", name="Show").click()
        expect(text).to_be_focused()
        chosen = page.evaluate(
            "document.activeElement.value.slice(document.activeElement.selectionStart)"
        )
        assert chosen.startswith("oops")
        check_access(page)

    parts.show("editor", {"text": WRONG}, look)


def test_a_text_is_put_in_order(parts: Parts) -> None:
    def look(page: Page) -> None:
        page.get_by_label("Parameters").fill('{"b":[1.0,12345678901234567890],"a":{}}')
        page.get_by_role("button", name="Format").click()
        expected = '{\n  "b": [\n    1,\n    12345678901234567890\n  ],\n  "a": {}\n}'
        assert page.evaluate("part.text") == expected
        expect(page.get_by_role("alert")).to_have_count(0)

    parts.show("editor", {"text": ""}, look)


def test_tab_leaves_it(parts: Parts) -> None:
    def look(page: Page) -> None:
        text = page.get_by_label("Parameters")
        text.focus()
        page.keyboard.press("Tab")
        expect(text).not_to_be_focused()
        assert page.evaluate("part.text") == "[1]"

    parts.show("editor", {"text": "[1]"}, look)


def test_an_error_that_is_none_of_its_syntax_is_shown(parts: Parts) -> None:
    def look(page: Page) -> None:
        expect(page.get_by_role("alert")).to_have_text("a is missing")
        expect(page.get_by_role("button", name="Show")).to_have_count(0)

    parts.show("editor", {"text": "{}", "error": "a is missing"}, look)


def test_the_colours_lie_under_the_text(parts: Parts) -> None:
    def look(page: Page) -> None:
        text = page.get_by_label("Parameters")
        behind = page.locator(".json-editor pre")
        expect(behind.locator(".json-wrong")).to_have_text("oops")
        expect(page.locator("b")).to_have_count(0)
        for style in ("font", "line-height", "padding", "tab-size", "white-space"):
            script = "(element, name) => getComputedStyle(element).getPropertyValue(name)"
            assert text.evaluate(script, style) == behind.evaluate(script, style), style
        # It goes along with what is scrolled.
        text.fill("\n".join(f'"<b>line {number}</b> {"long " * 60}"' for number in range(100)))
        text.evaluate("element => element.scrollTo(150, 300)")
        place = "element => [element.scrollLeft, element.scrollTop]"
        expect(behind).to_have_js_property("scrollTop", 300)
        assert behind.evaluate(place) == text.evaluate(place)

    parts.show("editor", {"text": WRONG}, look)


def test_a_value_opens_and_closes(parts: Parts) -> None:
    value = {"list": [1, "<b>x</b>", None], "deep": {"a": {"b": {"c": 1}}}, "none": {}}

    def look(page: Page) -> None:
        expect(page.get_by_text('"<b>x</b>"')).to_be_visible()
        expect(page.get_by_text('"c"')).to_have_count(0)
        page.get_by_role("button", name="Open b, 1 member").click()
        expect(page.get_by_text('"c"')).to_be_visible()
        page.get_by_role("button", name="Close list, 3 items").press("Enter")
        expect(page.get_by_text('"<b>x</b>"')).to_have_count(0)
        expect(page.get_by_role("button", name="Open list, 3 items")).to_be_focused()
        check_access(page)

    parts.show("json", {"text": json.dumps(value)}, look)


def test_megabytes_are_shown_in_portions(parts: Parts) -> None:
    rows = [{"id": number, "name": "x" * 50} for number in range(40_000)]
    text = json.dumps([rows, "y" * 1_000_000])

    def look(page: Page) -> None:
        page.get_by_role("button", name="Open 0, 40000 items").click()
        page.get_by_role("button", name="100 more of 39900").click()
        expect(page.get_by_role("button", name="100 more of 39800")).to_be_visible()
        assert page.evaluate("document.querySelectorAll('*').length") < 10_000
        page.get_by_role("button", name="all 1000000 characters").click()
        expect(page.get_by_role("button", name="all 1000000 characters")).to_have_count(0)

    parts.show("json", {"text": text}, look)


@pytest.mark.parametrize("is_allowed", [True, False])
def test_a_value_is_copied_digit_for_digit(parts: Parts, is_allowed: bool) -> None:
    def look(page: Page) -> None:
        if not is_allowed:  # as in a page that came by HTTP from another machine
            page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
        page.get_by_role("button", name="Copy the result").click()
        expect(page.get_by_role("status")).to_have_text("copied")
        page.evaluate("document.body.prepend(document.createElement('textarea'))")
        page.locator("textarea").first.focus()
        page.keyboard.press("Control+v")
        copied = page.locator("textarea").first.input_value()
        assert copied == '{\n  "a": 12345678901234567890\n}'
        expect(page.get_by_role("status")).to_have_text("")

    given = {"text": '{"a": 12345678901234567890}'}
    permissions = ["clipboard-read", "clipboard-write"] if is_allowed else []
    parts.show("json", given, look, permissions=permissions)


def test_a_call_is_copied(parts: Parts) -> None:
    request = {
        "method": "calc.add",
        "params": [1, "it's"],
        "url": "http://127.0.0.1/rpc",
        "transport": "http",
        "auth": "token",
    }

    def look(page: Page) -> None:
        code = page.locator("pre")
        for name, part in {
            "curl": "curl -sS -H @-",
            "twisted-rpc": "twisted-rpc call http://127.0.0.1/rpc calc.add 1 '\"it'\\''s\"'",
            "Python": 'rpc.call("calc.add", [1, "it\'s"])',
            "JavaScript": 'await client.call("calc.add", [1, "it\'s"])',
        }.items():
            page.get_by_label("Language").select_option(name)
            expect(code).to_contain_text(part)
            expect(code).to_contain_text("TWISTED_RPC_TOKEN")
            page.get_by_role("button", name=f"Copy the call for {name}").click()
            expect(page.get_by_role("status")).to_have_text("copied")
            assert page.evaluate("navigator.clipboard.readText()") == code.text_content()
        check_access(page)

    permissions = ["clipboard-read", "clipboard-write"]
    parts.show("snippets", {"request": request}, look, permissions=permissions)
