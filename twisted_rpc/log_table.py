"""`[log]`: what is logged, how, and where to."""

from __future__ import annotations

import math
from typing import Any, Literal, get_args

from msgspec import Struct

__all__ = ["LOG_CHOICES", "Format", "Level", "LogTable"]

Format = Literal["auto", "text", "json"]
Level = Literal["debug", "info", "warn", "error", "critical"]
"""The names of `twisted.logger.LogLevel`."""

LOG_CHOICES = {"format": get_args(Format), "level": get_args(Level)}


class LogTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[log]`; without that table the log is twistd's.

    Attributes:
        format: `text`, `json`, or `auto`: text on a terminal, JSON elsewhere.
        level: the least important events that are logged.
        levels: the same for a namespace, such as `twisted_rpc.transports`, and those below it.
        file: where to; standard output unless given, and `twistd.log` of a daemon that has
            none.  Opened again on SIGHUP.
        access: whether calls are logged as they end; a fraction logs so many of those that
            ended well, and all others.
        access_file: where to, if not with all else.
        params: whether the parameters of these calls are logged.
        slow: seconds from which a call is slow, and a warning.
        otel: whether calls are traced by OpenTelemetry.
    """

    format: Format = "auto"
    level: Level = "info"
    levels: dict[str, Any] = {}
    file: str | None = None
    access: bool | float = False
    access_file: str | None = None
    params: bool = False
    slow: float | None = None
    otel: bool = False

    def __post_init__(self) -> None:
        for name, level in self.levels.items():
            if isinstance(level, dict):
                raise ValueError(f"levels: put the whole name that begins with {name!r} in quotes")
            if level not in LOG_CHOICES["level"]:
                known = ", ".join(LOG_CHOICES["level"])
                raise ValueError(f"levels: {name!r}: {level!r} is no level; one of {known}")
        if not isinstance(self.access, bool) and not 0 < self.access <= 1:
            raise ValueError("access must be true, false, or a fraction greater than 0, up to 1")
        if self.slow is not None and not 0 < self.slow < math.inf:
            raise ValueError("slow must be greater than 0 seconds")
        if self.access_file is not None and not self.access:
            raise ValueError("access_file: nothing would be written there; set access")
        if self.params and not self.access:
            raise ValueError("params: they would be logged nowhere; set access")
