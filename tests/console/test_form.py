"""The form of a method's parameters, in step with their text."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.console.parts_harness import EchoDaemon, Parts, check_access
from tests.console.parts_harness_types import DOCUMENT, METHODS

FULL: dict[str, dict[str, Any]] = {
    "numbers": {"small": 3, "large": 12345678901234567890123, "share": 0.5, "exact": "1.50"},
    "texts": {"text": "a\nb", "short": "x", "key": "?", "data": "aGk="},
    "times": {
        "day": "2026-01-31",
        "moment": "2026-01-31T23:59:30+02:00",
        "hour": "tomorrow",
        "long": "P1D",
    },
    "choices": {"color": "red", "either": None, "yes": 1, "nothing": None, "any": {"a": [1]}},
    "containers": {
        "items": [1, "x", 3, 4],
        "pair": [1, "b", 2],
        "unique": ["a", "a"],
        "table": {"a": 1, "b": 2},
        "named": {"count": 1, "more": 2},
    },
    "unions": {"maybe": 5, "pet": {"type": "cat", "lives": 10}, "mixed": {"no": "kind"}},
    "recursive": {
        "tree": {"name": "a", "children": [{"name": "b"}]},
        "chain": {"next": {"next": None}},
    },
}
"""Parameters of each method, some of them wrong."""


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    with EchoDaemon(tmp_path_factory.mktemp("form")) as daemon, Parts(daemon.port) as running:
        yield running


def with_form(
    parts: Parts,
    method: str,
    text: str,
    look: Callable[[Page], None],
    document: dict[str, Any] = DOCUMENT,
) -> None:
    parts.show("form", {"method": method, "document": document, "text": text}, look)


def taking(*params: dict[str, Any], structure: str = "either") -> dict[str, Any]:
    """The document of a method `m` with these parameters."""
    return {"methods": [{"name": "m", "paramStructure": structure, "params": list(params)}]}


def text_of(page: Page) -> Any:
    text: str = page.evaluate("part.text")
    return json.loads(text) if text else None


def field(page: Page, label: str) -> Locator:
    return page.get_by_label(label, exact=True)


@pytest.mark.parametrize("method", METHODS)
def test_everybody_can_use_it(parts: Parts, method: str) -> None:
    def look(page: Page) -> None:
        expect(page.locator(".method-form .field").first).to_be_visible()
        check_access(page)
        assert text_of(page) == FULL[method]

    with_form(parts, method, json.dumps(FULL[method]), look)


def test_numbers_keep_their_digits(parts: Parts) -> None:
    def look(page: Page) -> None:
        expect(field(page, "large")).to_have_value("12345678901234567890123")
        field(page, "large").fill("98765432109876543210987")
        field(page, "exact").fill("0.10000000000000000000001")
        expect(page.get_by_role("alert")).to_have_count(0)
        assert page.evaluate("part.text") == (
            '{"small":2,"large":98765432109876543210987,"share":0.5,'
            '"exact":"0.10000000000000000000001"}'
        )

    text = '{"small":2,"large":12345678901234567890123,"share":0.5,"exact":"1"}'
    with_form(parts, "numbers", text, look)


def test_what_is_typed_on_the_way_to_a_number_stays(parts: Parts) -> None:
    def look(page: Page) -> None:
        share = field(page, "share")
        for typed, meant, fault in [
            ("0", 0, "must be more than 0"),
            ("0.", "0.", "must be a number, not text"),
            ("0.5", 0.5, None),
            ("0.50", 0.5, None),
            ("0.505", 0.505, None),
            ("-", "-", "must be a number, not text"),
        ]:
            share.press("Control+a")
            share.press_sequentially(typed)
            expect(share).to_have_value(typed)
            assert text_of(page)["share"] == meant
            if fault is None:
                expect(share).not_to_have_attribute("aria-invalid", "true")
            else:
                expect(share).to_have_attribute("aria-invalid", "true")
                expect(share).to_have_accessible_description(
                    f"number, more than 0, less than 1 {fault}"
                )

    with_form(parts, "numbers", '{"small":2,"large":1,"exact":"1"}', look)


def test_what_is_missing_is_told_to_who_was_there(parts: Parts) -> None:
    def look(page: Page) -> None:
        expect(page.get_by_role("alert")).to_have_count(0)
        field(page, "small").focus()
        page.keyboard.press("Tab")
        expect(page.get_by_role("alert")).to_have_text("is missing")
        field(page, "small").fill("2")
        expect(field(page, "small")).not_to_have_attribute("aria-invalid", "true")
        assert text_of(page) == {"small": 2}
        field(page, "small").fill("")
        assert text_of(page) is None

    with_form(parts, "numbers", "", look)


def test_a_change_of_the_text_shows_in_the_form(parts: Parts) -> None:
    def look(page: Page) -> None:
        page.evaluate('part.set(\'{"small": 44, "large": -1}\')')
        expect(field(page, "small")).to_have_value("44")
        expect(field(page, "large")).to_have_value("-1")
        expect(field(page, "exact")).to_have_value("")

    with_form(parts, "numbers", '{"small":2}', look)


def test_a_value_of_another_type_is_named_and_stays(parts: Parts) -> None:
    def look(page: Page) -> None:
        expect(page.get_by_role("alert")).to_have_text("must be true or false, not a list")
        expect(page.locator("code", has_text='["<b>"]')).to_be_visible()
        field(page, "color").select_option("blue")
        assert text_of(page) == {"yes": ["<b>"], "color": "blue"}
        page.get_by_role("button", name="Replace the value of yes").click()
        assert text_of(page)["yes"] is False
        expect(page.get_by_role("alert")).to_have_count(0)

    with_form(parts, "choices", '{"yes":["<b>"],"color":"red"}', look)


def test_choices(parts: Parts) -> None:
    def look(page: Page) -> None:
        field(page, "color").select_option("blue")
        field(page, "either").select_option("null")
        field(page, "yes").select_option("true")
        field(page, "nothing").click()
        field(page, "any").fill('{"a": [1.0, 12345678901234567890]}')
        assert page.evaluate("part.text") == (
            '{"color":"blue","either":null,"yes":true,"nothing":null,'
            '"any":{"a":[1,12345678901234567890]}}'
        )
        field(page, "any").fill('{"a":')
        expect(page.get_by_role("alert")).to_have_text(
            "no JSON yet, so the value stays as it was: line 1, column 6: a value is missing"
        )
        assert text_of(page)["any"] == {"a": [1, 12345678901234567890]}

    with_form(parts, "choices", "", look)


def test_dates_and_times(parts: Parts) -> None:
    def look(page: Page) -> None:
        field(page, "day").fill("2026-02-28")
        field(page, "moment").fill("2026-02-28T12:30")
        field(page, "long").fill("PT1H")
        assert text_of(page) == {
            "day": "2026-02-28",
            "moment": "2026-02-28T12:30:00Z",
            "long": "PT1H",
        }
        page.get_by_label("offset from UTC").first.select_option("+02:00")
        assert text_of(page)["moment"] == "2026-02-28T12:30:00+02:00"
        field(page, "hour").fill("12:30")
        assert text_of(page)["hour"] == "12:30:00Z"
        # What the browser's control would cut is text.
        exact = "2026-02-28T12:30:00.123456Z"
        page.evaluate("text => part.set(text)", json.dumps({"moment": exact}))
        expect(field(page, "moment")).to_have_value(exact)
        assert text_of(page) == {"moment": exact}

    with_form(parts, "times", "", look)


def test_lists(parts: Parts) -> None:
    def look(page: Page) -> None:
        page.get_by_role("button", name="Remove items 1").click()
        expect(page.get_by_role("button", name="Add to items")).to_be_focused()
        page.keyboard.press("Enter")
        field(page, "items 3").fill("9")
        page.get_by_role("button", name="Move items 3 up").click()
        assert text_of(page)["items"] == [2, 9, 3]
        field(page, "items 2").fill("")
        assert text_of(page)["items"] == [2, "", 3]
        expect(page.get_by_role("alert")).to_have_text("must be an integer, not text")
        page.get_by_role("button", name="Move items 1 down").click()
        assert text_of(page)["items"] == ["", 2, 3]
        page.evaluate('part.set(\'{"pair":[1,"b",2]}\')')
        expect(page.get_by_role("button", name="Remove pair 1")).to_have_count(0)
        page.get_by_role("button", name="Remove pair 3").click()
        assert text_of(page)["pair"] == [1, "b"]

    with_form(parts, "containers", '{"items":[1,2,3]}', look)


def test_a_long_list_does_not_fill_the_page(parts: Parts) -> None:
    def look(page: Page) -> None:
        expect(page.get_by_text("and 19900 more, in the text alone")).to_be_visible()
        field(page, "items 1").fill("7")
        items = text_of(page)["items"]
        assert (items[0], len(items)) == (7, 20_000)

    with_form(parts, "containers", json.dumps({"items": list(range(20_000))}), look)


def test_maps(parts: Parts) -> None:
    def look(page: Page) -> None:
        page.get_by_role("button", name="Add to table").click()
        assert text_of(page)["table"] == {"a": 1, "b": 2, "name1": 0}
        names = page.get_by_role("group", name="table").get_by_label("name", exact=True)
        names.nth(2).fill("a")
        expect(page.get_by_role("alert")).to_have_text("there is one of this name")
        assert text_of(page)["table"] == {"a": 1, "b": 2, "name1": 0}
        names.nth(2).fill("ab")
        field(page, "ab").fill("5")
        page.get_by_role("button", name="Remove b from table").click()
        assert text_of(page)["table"] == {"a": 1, "ab": 5}

    with_form(parts, "containers", '{"table":{"a":1,"b":2}}', look)


def test_optional_members_are_given_or_left_out(parts: Parts) -> None:
    def look(page: Page) -> None:
        given = page.get_by_label("Give count")
        expect(given).to_be_checked()
        given.uncheck()
        assert text_of(page)["named"] == {"more": 2}
        given.check()
        assert text_of(page)["named"] == {"more": 2, "count": 0}
        expect(page.get_by_text("also there: more")).to_be_visible()

    with_form(parts, "containers", '{"named":{"count":1,"more":2}}', look)


def test_optional_parameters_show_their_default(parts: Parts) -> None:
    document = taking(
        {"name": "a", "required": True, "schema": {"type": "integer"}},
        {"name": "b", "schema": {"type": "integer", "default": 7}},
        {"name": "c", "schema": {"type": "string", "default": "x"}},
    )

    def look(page: Page) -> None:
        expect(page.get_by_text("left out: 7")).to_be_visible()
        field(page, "a").fill("1")
        page.get_by_label("Give c").check()
        assert text_of(page) == {"a": 1, "c": "x"}
        page.evaluate("part.set('[1, 2]')")
        field(page, "a").fill("3")
        assert text_of(page) == [3, 2]
        page.get_by_label("Give c").check()
        assert text_of(page) == [3, 2, "x"]
        page.get_by_label("Give b").uncheck()
        assert text_of(page) == {"a": 3, "c": "x"}

    with_form(parts, "m", "", look, document)


def test_unions(parts: Parts) -> None:
    def look(page: Page) -> None:
        kinds = page.locator(".field-kind")
        kinds.nth(0).select_option("null")
        kinds.nth(1).select_option("dog")
        assert text_of(page) == {"maybe": None, "pet": {"type": "dog", "bark": ""}}
        field(page, "bark").fill("wow")
        kinds.nth(0).select_option("integer")
        maybe = field(page, "maybe").nth(1)
        maybe.press("Control+a")
        maybe.press_sequentially("-")
        expect(maybe).to_be_focused()
        maybe.press_sequentially("12")
        kinds.nth(2).select_option("list of integer")
        page.get_by_role("button", name="Add to mixed").click()
        assert text_of(page) == {
            "maybe": -12,
            "pet": {"type": "dog", "bark": "wow"},
            "mixed": [0],
        }
        expect(page.get_by_role("alert")).to_have_count(0)

    with_form(parts, "unions", '{"maybe":1}', look)


def test_a_value_of_no_kind_stays_until_it_is_replaced(parts: Parts) -> None:
    def look(page: Page) -> None:
        expect(page.get_by_role("alert")).to_have_text(
            "must be integer or text or list of integer, not an object"
        )
        assert text_of(page) == {"mixed": {"no": "kind"}}
        page.get_by_role("button", name="Replace the value of mixed").click()
        assert text_of(page) == {"mixed": 0}

    with_form(parts, "unions", '{"mixed":{"no":"kind"}}', look)


def test_a_type_that_contains_itself_opens_step_by_step(parts: Parts) -> None:
    def look(page: Page) -> None:
        tree = page.get_by_role("group", name="tree", exact=True)
        expect(tree.get_by_label("name", exact=True)).to_have_count(0)
        page.get_by_role("button", name="Replace").first.click()
        for depth in range(3):
            tree.get_by_label("Give children").nth(depth).check()
            tree.get_by_role("button", name="Add to children").first.click()
        found, depth = text_of(page)["tree"], 0
        while found.get("children"):
            (found,), depth = found["children"], depth + 1
        assert depth == 3

    with_form(parts, "recursive", '{"tree":7}', look)


@pytest.mark.parametrize(
    ("structure", "expected"), [("by-position", [1, 5]), ("by-name", {"a": 1, "name1": 5})]
)
def test_any_number_of_further_parameters(parts: Parts, structure: str, expected: Any) -> None:
    document = taking(
        {"name": "a", "required": True, "schema": {"type": "integer"}},
        {"name": "rest", "schema": {"type": "integer"}, "x-rest": True},
        structure=structure,
    )

    def look(page: Page) -> None:
        field(page, "a").fill("1")
        page.get_by_role("button", name="Add to rest").click()
        label = "rest 1" if structure == "by-position" else "name1"
        field(page, label).fill("5")
        assert text_of(page) == expected

    with_form(parts, "m", "", look, document)


def test_parameters_in_the_wrong_shape_stay(parts: Parts) -> None:
    document = taking({"name": "a", "schema": {}}, structure="by-name")

    def look(page: Page) -> None:
        expect(page.get_by_role("alert")).to_have_text("the parameters go by name: an object")
        expect(page.locator(".field")).to_have_count(0)
        assert text_of(page) == [1, 2]

    with_form(parts, "m", "[1,2]", look, document)
    with_form(
        parts, "m", "", lambda page: expect(page.locator(".field")).to_have_count(1), document
    )


def test_a_method_without_parameters_says_so(parts: Parts) -> None:
    with_form(
        parts,
        "m",
        "",
        lambda page: expect(page.get_by_text("no parameters")).to_be_visible(),
        taking(),
    )


def test_what_a_document_says_is_text(parts: Parts) -> None:
    nasty = "<img src=x onerror=alert(1)>\"'&\u0000"
    document = taking(
        {"name": nasty, "description": nasty, "schema": {"enum": [nasty, "b"], "title": nasty}},
        {"name": "o", "schema": {"type": "object", "properties": {nasty: {"const": nasty}}}},
    )

    def look(page: Page) -> None:
        expect(page.locator("img")).to_have_count(0)
        expect(page.locator(".field-label").first).to_have_text(nasty)

    with_form(parts, "m", json.dumps({nasty: 1, "o": {nasty: nasty, "x": nasty}}), look, document)
