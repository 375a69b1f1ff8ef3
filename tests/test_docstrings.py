"""Docstrings, taken apart."""

from __future__ import annotations

from twisted_rpc.docstrings import Doc, parse_doc

WHOLE = """Move a guest.

    It may take a while.

    Args:
        guest: who moves; with a colon: and
            over two lines.
        old, new (str): rooms.
        *rest: what else
            there is.

    Note:
        Beds stay.

    Returns:
        The new room.

    Raises:
        SecretError: never told.

    At last.
    """


def test_all_of_it() -> None:
    doc = parse_doc(WHOLE)
    assert doc.summary == "Move a guest."
    assert doc.description == "It may take a while.\n\nNote:\n    Beds stay.\n\nAt last."
    assert doc.params == {
        "guest": "who moves; with a colon: and over two lines.",
        "old": "rooms.",
        "new": "rooms.",
        "rest": "what else there is.",
    }
    assert doc.result == "The new room."
    assert "SecretError" not in repr(doc)


def test_nothing() -> None:
    assert parse_doc(None) == parse_doc("") == Doc()


def test_one_line() -> None:
    assert parse_doc("Add.") == Doc("Add.")


def test_heading_without_anything_under_it_is_text() -> None:
    assert parse_doc("A.\n\nRaises:\nnothing").description == "Raises:\nnothing"
    assert parse_doc("A.\n\nArgs:").description == "Args:"


def test_what_is_no_entry_belongs_to_none() -> None:
    assert parse_doc("A.\n\nArgs:\n    see elsewhere\n    a: b").params == {"a": "b"}
