"""Whose log it is: what `[log]` says, unless the program's own options say otherwise."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

from msgspec import structs

from twisted_rpc.log_table import LogTable
from twisted_rpc.logs.observers import Log
from twisted_rpc.logs.output import Later, at_once, check_file

__all__ = ["check_log", "log_for"]

_STANDARD_OUTPUT = 1


def log_for(
    table: LogTable, command: Mapping[str, Any] | None, later: Later = at_once
) -> Log | None:
    """The log of a daemon.

    Args:
        table: what `[log]` says.
        command: the options of twistd, or of another program.
        later: as in `Log`.

    Returns:
        None if that program keeps a log of its own: twistd that is told where to, or `twist`.

    Raises:
        ConfigError: a file cannot be opened.
    """
    if command is None or "nodaemon" not in command:
        return None
    if any(command.get(own) for own in ("logfile", "logger", "syslog")):
        return None
    if table.file is None and not command["nodaemon"]:
        table = structs.replace(table, file="twistd.log")  # as twistd would
    return Log(table, _standard_output(), later)


def _standard_output() -> int:
    """Its descriptor; nowhere if it was closed before the start, as its number may be another's."""
    if sys.__stdout__ is None:
        return os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    return _STANDARD_OUTPUT


def check_log(table: LogTable) -> None:
    """See that the files could be opened, without making them.

    Raises:
        ConfigError: one cannot.
    """
    for path in (table.file, table.access_file):
        if path is not None:
            check_file(path)
