"""`[log]`: what is wrong with it is one line that says so."""

from __future__ import annotations

import pytest

from twisted_rpc.configuration_file import parse
from twisted_rpc.errors import ConfigError
from twisted_rpc.log_table import LogTable

LEVELS = "debug, info, warn, error, critical"
WRONG = {
    "format = 'xml'": "[log] format: Invalid enum value 'xml'; one of auto, text, json",
    "level = 'loud'": f"[log] level: Invalid enum value 'loud'; one of {LEVELS}",
    "levels = {a = 'loud'}": f"[log]: levels: 'a': 'loud' is no level; one of {LEVELS}",
    "levels = {a = 1}": f"[log]: levels: 'a': 1 is no level; one of {LEVELS}",
    "levels = {a.b = 'info'}": "[log]: levels: put the whole name that begins with 'a' in quotes",
    "access = 0": "[log]: access must be true, false, or a fraction greater than 0, up to 1",
    "access = 1.5": "[log]: access must be true, false, or a fraction greater than 0, up to 1",
    "access = nan": "[log]: access must be true, false, or a fraction greater than 0, up to 1",
    "access = 'all'": "[log] access: Expected 'bool | float', got 'str'",
    "slow = 0": "[log]: slow must be greater than 0 seconds",
    "slow = inf": "[log]: slow must be greater than 0 seconds",
    "access_file = 'a'": "[log]: access_file: nothing would be written there; set access",
    "params = true": "[log]: params: they would be logged nowhere; set access",
    "colour = true": "[log] colour: unknown key; known: format, level, levels, file, access, ",
}


@pytest.mark.parametrize(("text", "problem"), WRONG.items())
def test_what_is_wrong_is_named(text: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(f"[log]\n{text}\n", "rpc.toml")
    assert str(caught.value).startswith(f"rpc.toml: {problem}")
    assert "\n" not in str(caught.value)


def test_without_the_table_there_is_none() -> None:
    assert parse("", "rpc.toml").log is None
    assert parse("[log]", "rpc.toml").log == LogTable()


def test_a_table_that_is_right() -> None:
    text = """
    [log]
    access = 0.01
    slow = 1.5
    [log.levels]
    "twisted_rpc.transports" = "debug"
    """
    levels = {"twisted_rpc.transports": "debug"}
    assert parse(text, "rpc.toml").log == LogTable(access=0.01, slow=1.5, levels=levels)
