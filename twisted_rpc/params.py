"""`Params`: the raw parameters of one call, with typed access.

For methods whose parameters no signature can describe.  Every failure is an
`InvalidParams` whose data names the place, such as `filters.tags[2]`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, TypeVar
from urllib.parse import SplitResult, urlsplit

from twisted_rpc.errors import InvalidParams

__all__ = ["Params"]

T = TypeVar("T")


class _Missing:
    """Neither a value nor null."""

    def __repr__(self) -> str:
        return "<missing>"


_MISSING: Final[Any] = _Missing()


class Params:
    """A value among the parameters, or the parameters themselves.

    `params["name"]` and `params[0]` go one step down and never fail by themselves; the
    `as_…` methods do: with no default for a missing value, and always for one of
    another type.  A null is a value: it is not replaced by a default.

    Args:
        value: decoded JSON.
        path: where it stands, for messages.
    """

    __slots__ = ("_value", "path")

    def __init__(self, value: Any = _MISSING, path: str = "") -> None:
        self._value = value
        self.path = path

    def __repr__(self) -> str:
        return f"<Params {self.path or 'of the call'}: {self._value!r}>"

    def __getitem__(self, key: str | int) -> Params:
        """The member of that name, or the element at that index."""
        if isinstance(key, str):
            path = f"{self.path}.{key}" if self.path else key
            found = self._value.get(key, _MISSING) if isinstance(self._value, dict) else _MISSING
            return Params(found, path)
        elements = self._value if isinstance(self._value, list) else []
        found = elements[key] if 0 <= key < len(elements) else _MISSING
        return Params(found, f"{self.path}[{key}]")

    @property
    def exists(self) -> bool:
        """Whether the caller sent it, be it null."""
        return self._value is not _MISSING

    @property
    def is_null(self) -> bool:
        """Whether the caller sent null."""
        return self._value is None

    def value(self, default: Any = _MISSING) -> Any:
        """The value as it was decoded."""
        return self._read("a value", default, lambda value: value)

    def as_int(self, default: int = _MISSING) -> int:
        """An integer."""
        return self._checked("an integer", default, lambda v: type(v) is int)

    def as_float(self, default: float = _MISSING) -> float:
        """A number; integers are taken too."""
        return self._read("a number", default, _float)

    def as_str(self, default: str = _MISSING) -> str:
        """A string."""
        return self._checked("a string", default, lambda v: isinstance(v, str))

    def as_bool(self, default: bool = _MISSING) -> bool:
        """True or false."""
        return self._checked("a boolean", default, lambda v: isinstance(v, bool))

    def as_list(self, default: list[Any] = _MISSING) -> list[Any]:
        """An array."""
        return self._checked("an array", default, lambda v: isinstance(v, list))

    def as_map(self, default: dict[str, Any] = _MISSING) -> dict[str, Any]:
        """An object."""
        return self._checked("an object", default, lambda v: isinstance(v, dict))

    def as_datetime(self, default: datetime = _MISSING) -> datetime:
        """A date and time as a string (ISO 8601)."""
        return self._read("an ISO 8601 date and time", default, _datetime)

    def as_uri(self, default: SplitResult = _MISSING) -> SplitResult:
        """A URI as a string, split into its parts (RFC 3986)."""
        return self._read("a URI", default, _uri)

    def _checked(self, what: str, default: T, fits: Callable[[Any], bool]) -> T:
        def read(value: Any) -> Any:
            if not fits(value):
                raise ValueError
            return value

        return self._read(what, default, read)

    def _read(self, what: str, default: T, read: Callable[[Any], T]) -> T:
        if self._value is _MISSING:
            if default is _MISSING:
                raise InvalidParams(f"{self._place}: missing, {what} is required")
            return default
        try:
            return read(self._value)
        except ValueError:
            found = _json_type(self._value)
            raise InvalidParams(f"{self._place}: expected {what}, got {found}") from None

    @property
    def _place(self) -> str:
        return self.path or "params"


def _float(value: Any) -> float:
    if type(value) not in (int, float):
        raise ValueError
    try:
        return float(value)
    except OverflowError:
        raise ValueError from None


def _datetime(value: Any) -> datetime:
    if not isinstance(value, str):
        raise ValueError
    return datetime.fromisoformat(value)


def _uri(value: Any) -> SplitResult:
    if not isinstance(value, str) or not value or any(c.isspace() for c in value):
        raise ValueError
    return urlsplit(value)


def _json_type(value: Any) -> str:
    names = {bool: "a boolean", str: "a string", list: "an array", dict: "an object"}
    if value is None:
        return "null"
    return names.get(type(value), "a number") + (
        f" {value!r}" if isinstance(value, str) and len(value) < 40 else ""
    )
