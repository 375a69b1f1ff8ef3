"""`[[listen]]`: where the daemon is reached, and what is spoken and shown there."""

from __future__ import annotations

import re
from typing import Literal, get_args

from msgspec import Struct

__all__ = [
    "ADMIN",
    "CHOICES",
    "DEFAULT_LISTENER",
    "EVERYTHING",
    "Framing",
    "Listener",
    "ServerName",
    "Transport",
]

Framing = Literal["line", "stream", "header", "netstring", "auto"]
Transport = Literal["tcp", "http", "websocket", "hybrid", "stdio"]
ClientCertificates = Literal["required", "optional"]
TLSVersion = Literal["1.2", "1.3"]
CHOICES = {
    "framing": get_args(Framing),
    "transport": get_args(Transport),
    "client_certificates": get_args(ClientCertificates),
    "tls_minimum": get_args(TLSVersion),
}

PAGES = ("health", "openrpc", "client", "console", "metrics")
"""The keys of pages."""

ADMIN = "admin"
"""The namespace of the daemon's own methods."""

EVERYTHING = "*"
"""In place of a namespace: all of them, but those that are kept apart."""

DEFAULT_LISTENER = "tcp:7080:interface=127.0.0.1"


class ServerName(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[listen.sni.NAME]`: what clients are shown that ask for a name (RFC 6066, section 3).

    Attributes:
        certificate: a PEM file: the certificate, then those that lead to its authority.
        key: a PEM file of its private key; the certificate's own file unless given.
    """

    certificate: str
    key: str | None = None


class Listener(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[[listen]]` table.

    Attributes:
        transport: what is spoken there.
        endpoint: a Twisted server endpoint description; none for stdio.
        framing: how messages are told apart on tcp and stdio; `line` unless given.
        path: the only path that answers RPC on http, websocket and hybrid; `/` and
            `/rpc` unless given.
        namespaces: the only ones that are served there; all unless given.
        certificate: a PEM file, as in `ServerName`; with it the listener speaks TLS.
        key: see `ServerName`.
        sni: certificates for names that clients ask for; `*.` stands for one label.
        tls_minimum: the oldest version of TLS that is spoken; 1.2 unless given.
        client_ca: a PEM file of the authorities that sign clients' certificates.
        client_certificates: whether a client has to show one; `required` unless given.
        redirect: the origin every request is sent on to; nothing else is served then.
        health: whether `/healthz` and `/readyz` answer; they do unless this is false.
        openrpc: whether `/openrpc.json` does; unless this is false.
        client: whether `/client.js` does; unless this is false.
        console: whether there is a console; where only this machine reaches it, unless given.
        metrics: whether there is `/metrics`; where only this machine reaches it, unless given.
        admin: whether the namespace `admin` is served here; on no listener unless given.
    """

    transport: Transport
    endpoint: str = ""
    framing: Framing | None = None
    path: str | None = None
    namespaces: tuple[str, ...] | None = None
    certificate: str | None = None
    key: str | None = None
    sni: dict[str, ServerName] = {}
    tls_minimum: TLSVersion | None = None
    client_ca: str | None = None
    client_certificates: ClientCertificates | None = None
    redirect: str | None = None
    health: bool | None = None
    openrpc: bool | None = None
    client: bool | None = None
    console: bool | None = None
    metrics: bool | None = None
    admin: bool | None = None

    @property
    def shown(self) -> tuple[str, ...] | None:
        """The namespaces that its callers see; None for all that are not kept apart."""
        if not self.admin:
            return self.namespaces
        return (*((EVERYTHING,) if self.namespaces is None else self.namespaces), ADMIN)

    def __post_init__(self) -> None:
        self._check_tls()
        self._check_redirect()
        self._check_pages()
        if self.transport == "stdio":
            if self.endpoint:
                raise ValueError("stdio takes no endpoint")
        elif not self.endpoint:
            raise ValueError(f"endpoint is missing, such as {DEFAULT_LISTENER!r}")
        if self.framing is not None and self.transport not in ("tcp", "stdio"):
            raise ValueError(f"framing is for tcp and stdio, not for {self.transport}")
        if self.path is not None:
            if self.transport in ("tcp", "stdio"):
                raise ValueError(f"path is for http, websocket and hybrid, not {self.transport}")
            if not self.path.startswith("/"):
                raise ValueError("path must begin with '/'")

    def _check_tls(self) -> None:
        if self.certificate is None:
            for name in ("key", "sni", "tls_minimum", "client_ca", "client_certificates"):
                if getattr(self, name):
                    raise ValueError(f"{name} is nothing without certificate")
        elif self.transport == "stdio":
            raise ValueError("certificate is not for stdio")
        elif self.endpoint.startswith("ssl:"):
            raise ValueError("an ssl: endpoint has its own certificate; write tcp: instead")
        if self.client_certificates is not None and self.client_ca is None:
            raise ValueError("client_certificates is nothing without client_ca")
        for name in self.sni:
            if not re.fullmatch(r"(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*", name):
                raise ValueError(f"sni: {name!r} is no name of a host in lower case")

    def _check_pages(self) -> None:
        for key in PAGES:
            if getattr(self, key) and self.transport not in ("http", "hybrid"):
                raise ValueError(f"{key} is for http and hybrid, not for {self.transport}")
        if self.console and self.client is False:
            raise ValueError("console needs client, which it calls by")

    def _check_redirect(self) -> None:
        if self.redirect is None:
            return
        for key in (*PAGES, ADMIN):
            if getattr(self, key):
                raise ValueError(f"{key}: nothing but the redirect is served there")
        if self.transport != "http" or self.path is not None:
            raise ValueError("redirect is for http, and without path")
        if not re.fullmatch(r"https://([A-Za-z0-9._-]+|\[[0-9a-f:.]+\])(:\d{1,5})?", self.redirect):
            raise ValueError("redirect must be an origin such as 'https://rpc.example.com'")
