"""The configuration: frozen values.

Every key the daemon understands stands here, with its default and its unit.
"""

from __future__ import annotations

import math
import re

from msgspec import Struct, field

from twisted_rpc.authority import Origin, parse_authority, parse_origin
from twisted_rpc.listener import Listener
from twisted_rpc.log_table import LogTable

__all__ = [
    "AccessRule",
    "Config",
    "Limits",
    "ServerTable",
    "WebTable",
    "canonical_host",
    "listed_origin",
]

_OURS = frozenset(
    {
        "content-length",
        "content-type",
        "transfer-encoding",
        "connection",
        "date",
        "trailer",
        "upgrade",
        "vary",
    }
)
"""Header fields that frame an answer or say what it is; not for `[web]` to set."""

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e]*")


class Limits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a far side may use up.  None ("none" in a file) switches a limit off.

    Bytes: `max_message`, `max_response` (also of a whole batch), `max_unread` (notifications
    that wait for a peer that does not read).  Counts: `max_batch` items, `max_depth` levels of
    nesting, `max_in_flight` calls running for one connection and `max_calls` for all,
    `max_outgoing` calls of ours that one far side has not answered, `max_errors` in a row
    that are no messages, `max_connections`, `max_connections_per_address`,
    `max_unauthenticated` lines.  Rates: `calls_per_second` of one caller,
    `calls_per_second_per_address`, `calls_burst` calls at once after a pause, `error_cost`
    in calls of one that is the caller's mistake.  Seconds: `call_timeout` for one method,
    `request_timeout` for the arrival of one message from its first byte,
    `handshake_timeout` for TLS, WebSocket and authentication, `idle_timeout` for an HTTP
    connection between requests, `unread_timeout` for a peer that leaves answers unread,
    `ping_interval` and `ping_timeout` of a WebSocket, and of TCP's keep-alive,
    `drain_timeout` at shutdown, and `drain_delay` before it, for which `/readyz` says so.

    Of who has not logged in yet: `max_auth_message` bytes in all; `max_auth_attempts`
    failed logins a minute from one address; `auth_delay` seconds until a failed login is
    told; and of who has, `auth_recheck` seconds between looks whether the login still
    holds.  `ticket_timeout` seconds is how long a ticket is good for.
    """

    max_message: int | None = 1024 * 1024
    max_response: int | None = 10 * 1024 * 1024
    max_batch: int | None = 100
    max_depth: int | None = 64
    max_in_flight: int | None = 20
    max_calls: int | None = 1000
    max_outgoing: int | None = 100
    max_errors: int | None = 100
    max_connections: int | None = 1000
    max_connections_per_address: int | None = 100
    max_unauthenticated: int | None = 100
    calls_per_second: float | None = None
    calls_per_second_per_address: float | None = None
    calls_burst: int | None = 100
    error_cost: float | None = 10
    call_timeout: float | None = 30
    request_timeout: float | None = 30
    handshake_timeout: float | None = 10
    idle_timeout: float | None = 120
    unread_timeout: float | None = 20
    max_unread: int | None = 1024 * 1024
    ping_interval: float | None = 30
    ping_timeout: float | None = 10
    drain_timeout: float | None = 5
    drain_delay: float | None = None
    max_auth_message: int | None = 4096
    max_auth_attempts: int | None = 10
    auth_delay: float | None = 0.25
    auth_recheck: float | None = 60
    ticket_timeout: float | None = 30

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise ValueError(f"{name} must be greater than 0 ('none' switches it off)")


class ServerTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[server]`.

    Attributes:
        class_: MODULE:CLASS of a `Server` subclass (the key is `class`).
        debug: print every message, and send tracebacks to callers.
        auth: strcred descriptions of credential checkers, such as `file:etc/passwd`.
        stall_warning: seconds for which a method may keep the reactor from turning before
            the log names it; None ("none" in a file) switches that off.
        insecure_public: serve others without TLS or authentication all the same.
        title, version, description: what `rpc.discover` says of the server; unless given, what
            its class says.
        discover: whether it tells what it has, by `rpc.discover`, `rpc.methods` and
            `/openrpc.json`.
    """

    class_: str | None = field(name="class", default=None)
    debug: bool = False
    auth: tuple[str, ...] = ()
    stall_warning: float | None = 0.25
    insecure_public: bool = False
    title: str | None = None
    version: str | None = None
    description: str | None = None
    discover: bool = True

    def __post_init__(self) -> None:
        if self.stall_warning is not None and not 0 < self.stall_warning < math.inf:
            raise ValueError("stall_warning must be greater than 0 ('none' switches it off)")


class WebTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[web]`: what holds for http, websocket and hybrid.

    Attributes:
        hosts: names this server is reached by, beside the loopback names and the
            address a connection came in on.
        origins: web origins whose pages may call, such as `https://app.example.com`.
        cors_headers: header fields these pages may send, beside Content-Type and
            Authorization.
        cors_expose: header fields of an answer that these pages may read.
        cors_max_age: seconds for which a browser need not ask again.
        credentials: whether these pages may have the browser add what it knows of the
            user: cookies, a password it was told, a client certificate.
        hsts: seconds for which a browser comes back over TLS alone; not said if None.
        headers: header fields added to every answer.
        resource: MODULE:OBJECT of a `twisted.web` resource that serves all other paths.
    """

    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    cors_headers: tuple[str, ...] = ()
    cors_expose: tuple[str, ...] = ()
    cors_max_age: int = 600
    credentials: bool = False
    hsts: int | None = None
    headers: dict[str, str] = {}
    resource: str | None = None

    def __post_init__(self) -> None:
        for host in self.hosts:
            canonical_host(host)
        for origin in self.origins:
            listed_origin(origin)
        for key in ("cors_headers", "cors_expose"):
            for name in getattr(self, key):
                if not _HEADER_NAME.fullmatch(name) or name == "*":
                    raise ValueError(f"{key}: {name!r} is no header name")
        for key in ("cors_max_age", "hsts"):
            if (getattr(self, key) or 0) < 0:
                raise ValueError(f"{key} must be 0 or more seconds")
        if self.credentials and not self.origins:
            raise ValueError("credentials: no page may send them; list its origin in origins")
        for name, value in self.headers.items():
            _check_header(name, value)


def canonical_host(name: str) -> str:
    """A name or address of `hosts` as `parse_authority` writes it.

    Raises:
        ValueError: it is neither, or has a port.
    """
    bare = name.removeprefix("[").removesuffix("]")
    found = parse_authority(f"[{bare}]" if ":" in bare else bare)
    if found is None:
        raise ValueError(f"hosts: {name!r} is no name or address; leave out the port")
    return found.host


def listed_origin(text: str) -> Origin:
    """An origin of `origins`.

    Raises:
        ValueError: it is none, or a pattern.
    """
    if "*" in text:
        raise ValueError(f"origins: {text!r} would let in pages of strangers; list each origin")
    origin = parse_origin(text)
    if origin is None:
        raise ValueError(f"origins: {text!r} is no origin, such as 'https://example.com'")
    return origin


def _check_header(name: str, value: str) -> None:
    if not _HEADER_NAME.fullmatch(name):
        raise ValueError(f"headers: {name!r} is no header name")
    if name.lower() in _OURS:
        raise ValueError(f"headers: {name!r} is ours to say")
    if name.lower().startswith("access-control-"):
        raise ValueError(f"headers: {name!r} is said by origins and the cors keys")
    if not _HEADER_VALUE.fullmatch(value):
        raise ValueError(f"headers: the value of {name!r} is no header value")


class AccessRule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[access.NAME]`: what one identity may call, or everybody if the name is `*`.

    Attributes:
        roles: access levels of methods it has.
        allow: patterns of names (`users.*`), of which one has to match.  Once any rule
            has this list, who has none may call nothing.
        deny: patterns of names it may not call, whatever else is said.
    """

    roles: tuple[str, ...] = ()
    allow: tuple[str, ...] | None = None
    deny: tuple[str, ...] = ()


class Config(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything a configuration file says."""

    server: ServerTable = ServerTable()
    listen: tuple[Listener, ...] = ()
    expose: dict[str, str] = {}
    limits: Limits = Limits()
    web: WebTable = WebTable()
    access: dict[str, AccessRule] = {}
    log: LogTable | None = None
