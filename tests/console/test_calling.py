"""Methods are found, read about, called; what they answer is shown."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect

from tests.console.browsing import Visitor


def test_root_leads_to_the_console(visitor: Visitor) -> None:
    visitor.open(path="/")
    assert visitor.page.url == f"{visitor.address}/console/"


def test_first_look(visitor: Visitor) -> None:
    visitor.open()
    expect(visitor.methods.get_by_role("link", name="calc.add")).to_be_visible()
    expect(visitor.state).to_have_text("Connected")
    visitor.page.get_by_role("link", name="Try calc.add").click()
    expect(visitor.heading).to_have_text("calc.add")
    visitor.button("Send").click()
    expect(visitor.answer).to_contain_text("OK")


def test_search_by_keys(visitor: Visitor) -> None:
    visitor.open()
    keyboard = visitor.page.keyboard
    keyboard.press("/")
    search = visitor.page.get_by_role("searchbox", name="Search methods")
    expect(search).to_be_focused()
    keyboard.type("two numb")
    expect(visitor.methods.get_by_role("link")).to_have_count(2)  # add, multiply
    keyboard.press("ArrowDown")
    keyboard.press("ArrowDown")
    expect(visitor.methods.get_by_role("link", name="calc.multiply")).to_be_focused()
    keyboard.press("Enter")
    expect(visitor.heading).to_have_text("calc.multiply")
    keyboard.press("/")
    keyboard.type("nothing.like.this")
    expect(visitor.methods).to_contain_text("Nothing is called like this.")
    keyboard.press("Enter")
    expect(visitor.heading).to_have_text("nothing.like.this")
    visitor.editor.press("Control+Enter")
    expect(visitor.answer).to_contain_text(
        "There is no method of this name, or you may not call it."
    )
    search.focus()
    keyboard.press("Escape")
    expect(search).to_have_value("")


def test_slash_is_a_letter_where_somebody_types(visitor: Visitor) -> None:
    visitor.open("#/method/calc.add")
    visitor.editor.fill("")
    visitor.editor.press("/")
    expect(visitor.editor).to_have_value("/")


def test_documentation(visitor: Visitor) -> None:
    visitor.open("#/method/calc.divide")
    text = visitor.page.get_by_role("region", name="Documentation")
    expect(visitor.page.get_by_text("Divide the first number by the second.").last).to_be_visible()
    expect(text).to_contain_text("dividend")
    expect(text).to_contain_text("number")
    expect(text.get_by_role("heading", name="Result")).to_be_visible()
    expect(text).to_contain_text("division by zero")


def test_example_is_loaded(visitor: Visitor) -> None:
    visitor.open("#/method/calc.add")
    visitor.editor.fill("")
    visitor.button("Load:").first.click()
    params = json.loads(visitor.editor.input_value())
    visitor.button("Send").click()
    expect(visitor.answer).to_contain_text(str(sum(params.values())))


@pytest.mark.parametrize("transport", ["websocket", "http"])
def test_result(visitor: Visitor, transport: str) -> None:
    visitor.open("#/method/calc.add")
    visitor.page.get_by_label("over").select_option(transport)
    visitor.call("calc.add", '{"a": 40, "b": 2.5}')
    expect(visitor.answer).to_contain_text("42.5")
    expect(visitor.answer.locator(".measures")).to_contain_text(" ms")
    expect(visitor.answer.locator(".measures")).to_contain_text("4 B")


def test_wrong_parameter_is_named(visitor: Visitor) -> None:
    visitor.open()
    visitor.call("calc.add", '{"a": 1, "b": "two"}')
    expect(visitor.answer).to_contain_text("-32602")
    expect(visitor.answer).to_contain_text("The parameters do not fit the method.")
    expect(visitor.answer.locator(".fault-name")).to_have_text("b")
    visitor.call("calc.add", '{"a": 1}')
    expect(visitor.answer.locator(".fault")).to_contain_text("is missing")


def test_error_with_data(visitor: Visitor) -> None:
    visitor.open()
    visitor.call("calc.divide", "[1, 0]")
    expect(visitor.answer).to_contain_text("division by zero")
    expect(visitor.answer).to_contain_text("dividend")


def test_text_that_is_no_json_is_not_sent(visitor: Visitor) -> None:
    visitor.open("#/method/calc.add")
    visitor.editor.fill('{"a": 1,\n "b" 2}')
    expect(visitor.page.get_by_role("region", name="Request")).to_contain_text("line 2")
    expect(visitor.button("Send")).to_be_disabled()
    visitor.editor.fill("3")
    expect(visitor.page.get_by_text("Parameters are an object {…} or a list […].")).to_be_visible()


def test_notification(visitor: Visitor) -> None:
    visitor.open("#/method/calc.add")
    visitor.page.get_by_label("without an answer").check()
    visitor.button("Notify").click()
    expect(visitor.answer).to_contain_text("Sent. A notification is not answered.")


def test_form_and_json_are_in_step(visitor: Visitor) -> None:
    visitor.open("#/method/calc.add")
    visitor.editor.fill('{"a": 1, "b": 2}')
    form = visitor.page.get_by_role("group", name="Parameters of calc.add")
    field = form.get_by_label("a", exact=True)
    expect(field).to_have_value("1")
    field.fill("17")
    field.blur()
    expect(visitor.editor).to_have_value('{\n  "a": 17,\n  "b": 2\n}')


def test_drafts_and_answers_are_kept_while_one_looks_elsewhere(visitor: Visitor) -> None:
    visitor.open()
    visitor.call("calc.add", "[20, 3]")
    expect(visitor.answer).to_contain_text("23")
    visitor.go("#/method/calc.divide")
    expect(visitor.heading).to_have_text("calc.divide")
    visitor.page.go_back()
    expect(visitor.heading).to_have_text("calc.add")
    expect(visitor.editor).to_have_value("[20, 3]")
    expect(visitor.answer).to_contain_text("23")


def test_address_that_means_nothing_shows_the_beginning(visitor: Visitor) -> None:
    for view in ("#/nowhere", "#/method/%ff", "#%"):
        visitor.open(view)
        expect(visitor.page.get_by_role("heading", name="Begin here")).to_be_visible()


def test_themes(visitor: Visitor) -> None:
    visitor.open()
    background = "getComputedStyle(document.body).backgroundColor"
    light = visitor.page.evaluate(background)
    switch = visitor.button("Theme")
    switch.click()
    switch.click()
    expect(switch).to_have_accessible_name("Theme: dark")
    dark = visitor.page.evaluate(background)
    assert dark != light
    visitor.page.reload()
    expect(visitor.button("Theme: dark")).to_be_visible()
    assert visitor.page.evaluate(background) == dark
