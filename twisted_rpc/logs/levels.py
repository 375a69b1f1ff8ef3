"""Which events are logged, by their namespaces; that may change while the daemon runs."""

from __future__ import annotations

from collections.abc import Mapping

from twisted.logger import LogLevel, LogLevelFilterPredicate

__all__ = ["Levels"]


class Levels(LogLevelFilterPredicate):
    """A filter of the log, with what its configuration says kept for later.

    Args:
        level: the name of the least important `LogLevel` that is logged.
        configured: the same for namespaces, with those below them.
    """

    def __init__(self, level: str, configured: Mapping[str, str]) -> None:
        super().__init__(LogLevel.lookupByName(level))
        self._configured = configured
        self._changed: dict[str, str] = {}
        self._apply()

    def of(self, namespace: str) -> str:
        """The name of the level that holds for a namespace."""
        name: str = self.logLevelForNamespace(namespace).name
        return name

    def change(self, namespace: str, level: str | None) -> None:
        """Let a namespace and those below it have another level.

        Args:
            namespace: such as `twisted_rpc.transports`; empty for all that have none.
            level: the name of a `LogLevel`; None for what the configuration says.
        """
        self._changed.pop(namespace, None)
        if level is not None:
            self._changed[namespace] = level
        self._apply()

    def _apply(self) -> None:
        """Set them all: one by itself cannot be taken back."""
        self.clearLogLevels()
        for namespace, level in {**self._configured, **self._changed}.items():
            self.setLogLevelForNamespace(namespace, LogLevel.lookupByName(level))
