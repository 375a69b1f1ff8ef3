"""What of a command line is an option."""

from __future__ import annotations

from typing import Any

import click
import pytest

from twisted_rpc.cli.program import Command

COMMAND = Command(
    "c",
    params=[
        click.Argument(["values"], nargs=-1),
        click.Option(["-n"], type=int),
        click.Option(["--each"], multiple=True),
    ],
)


def parse(*arguments: str) -> dict[str, Any]:
    """The parameters of a command, by their names."""
    return COMMAND.make_context("c", list(arguments)).params


@pytest.mark.parametrize("number", ["-1", "-0", "-2.5", "-1e3", "-1.5E-7", "-1e999"])
def test_a_negative_number_is_no_option(number: str) -> None:
    assert parse("a", number, "-n", "-3", "b")["values"] == ("a", number, "b")
    assert parse("-n", "-3") == {"values": (), "n": -3, "each": ()}
    assert parse("--each", number, "--each", "x")["each"] == (number, "x")


@pytest.mark.parametrize("text", ["-1.2.3", "-1-2", "-1e", "-01", "-1\n", "-٣", "-a"])
def test_what_is_nearly_one_stands_after_two_dashes(text: str) -> None:
    with pytest.raises(click.NoSuchOption):
        parse(text)
    assert parse("--", text, "-1", " -1", "-n")["values"] == (text, "-1", " -1", "-n")
