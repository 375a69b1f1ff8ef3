"""The options of `twistd rpc` and `twist rpc`, and what they make."""

from __future__ import annotations

import signal
import sys
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec
from twisted.cred import strcred
from twisted.cred.checkers import (
    FilePasswordDB,
    ICredentialsChecker,
    InMemoryUsernamePasswordDatabaseDontUse,
)
from twisted.cred.credentials import IAnonymous, IUsernamePassword
from twisted.logger import Logger
from twisted.python import usage

from twisted_rpc.auth.credentials import IBearerToken, IClientCertificate, IUnixPeer
from twisted_rpc.config import Config
from twisted_rpc.configuration_file import load
from twisted_rpc.errors import ConfigError
from twisted_rpc.listener import DEFAULT_LISTENER, Listener
from twisted_rpc.loading import split_exposure
from twisted_rpc.log_table import LogTable
from twisted_rpc.ports import take_output
from twisted_rpc.service import RPCService, make_server, make_service

__all__ = ["Options", "makeService"]

_log = Logger()


class Options(usage.Options, strcred.AuthOptionMixin):
    """A file's configuration first, what the command line adds after."""

    supportedInterfaces = (
        *(IUsernamePassword, IBearerToken, IClientCertificate, IUnixPeer, IAnonymous),
    )
    synopsis = "[options]"
    longdesc = (
        "Serves JSON-RPC 2.0 over TCP, HTTP and WebSocket. D is a Twisted server endpoint "
        "description such as tcp:7080:interface=127.0.0.1; options that take one may be "
        "repeated. Without any listener it serves --hybrid "
        f"{DEFAULT_LISTENER}: every protocol on one port."
    )
    optFlags = (
        ("check", None, "Check options, configuration, imports and names, then exit."),
        ("debug", None, "Print every message and send tracebacks to callers."),
        ("insecure-public", None, "Serve others without TLS or authentication all the same."),
    )
    optParameters = (
        ("config", "c", None, "Configuration file (TOML)."),
        ("server", "s", None, "MODULE:CLASS of a twisted_rpc.Server subclass."),
    )

    def __init__(self) -> None:
        super().__init__()
        self.service: RPCService | None = None
        self._listeners: list[Listener] = []
        self._exposed: dict[str, str] = {}

    def parseOptions(self, options: Any = None) -> None:
        """Take the command line; whatever is wrong with it is one line on standard error.

        Raises:
            SystemExit: with that line.
        """
        try:
            super().parseOptions(options)
        except usage.UsageError as error:
            raise SystemExit(f"rpc: {' '.join(str(error).split())}") from error

    def opt_tcp(self, description: str) -> None:
        """Serve newline-delimited JSON on a stream endpoint D."""
        self._listen("tcp", description)

    def opt_http(self, description: str) -> None:
        """Serve HTTP, and WebSocket by upgrade, on D."""
        self._listen("http", description)

    def opt_websocket(self, description: str) -> None:
        """Serve WebSocket alone on D."""
        self._listen("websocket", description)

    def opt_hybrid(self, description: str) -> None:
        """Serve streams in any framing, HTTP and WebSocket on D."""
        self._listen("hybrid", description)

    def opt_auth(self, description: str) -> None:
        """Let in who proves something to this checker, TYPE[:ARGUMENTS]. May be repeated."""
        try:
            super().opt_auth(description)
        except usage.UsageError as error:
            text = str(error).removeprefix("Unexpected error: ")
            kind = description.partition(":")[0]  # what follows may be a password
            raise usage.UsageError(f"--auth {kind}: {text}") from error

    def opt_expose(self, text: str) -> None:
        """Expose [NAME=]MODULE:OBJECT; a class is instantiated. May be repeated."""
        try:
            name, reference = split_exposure(text)
        except ConfigError as error:
            raise usage.UsageError(str(error)) from None
        if name in self._exposed:
            raise usage.UsageError(f"--expose: {name!r} is given twice")
        self._exposed[name] = reference

    def _listen(self, transport: Any, description: str) -> None:
        try:
            self._listeners.append(Listener(transport=transport, endpoint=description))
        except ValueError as error:
            raise usage.UsageError(f"--{transport}: {error}") from None

    def postOptions(self) -> None:
        """Put everything together, so that what is wrong is said before anything starts.

        Raises:
            UsageError: something is wrong; the text says what.
            SystemExit: `--check` was asked for, and nothing is.
        """
        from twisted.internet import reactor

        try:
            config = self._merged()
            stdio = any(listener.transport == "stdio" for listener in config.listen)
            # Before modules are imported and the log begins; but what --check finds goes there.
            output = take_output() if stdio and not self["check"] else None
            server = make_server(config, reactor=reactor)
            for checker in self._checkers(config):
                server.enable_auth(checker)
            self.service = make_service(config, server, reactor=reactor, output=output)
            if config.log is not None:
                self._take_log(config.log, self.service, reactor)
        except ConfigError as error:
            raise usage.UsageError(str(error)) from error
        if self["check"]:
            for doubt in server.doubts():
                print(f"warning: {doubt}", file=sys.stderr)
            listeners = len(config.listen)
            print(f"ok: {listeners} listener(s), {len(server.methods)} method(s)")
            raise SystemExit(0)

    def _take_log(self, table: LogTable, service: RPCService, reactor: Any) -> None:
        """Open the log, or see whether that could be done."""
        from twisted_rpc.logs.choosing import check_log, log_for

        if self["check"]:
            check_log(table)
            return
        service.log = log_for(table, self.parent, partial(reactor.callLater, 0))
        if service.log is not None:
            service.server.on_reload(service.log.reopen)

    def _merged(self) -> Config:
        config = load(self["config"]) if self["config"] else Config()
        server = msgspec.structs.replace(
            config.server,
            class_=self["server"] or config.server.class_,
            debug=bool(self["debug"]) or config.server.debug,
            insecure_public=bool(self["insecure-public"]) or config.server.insecure_public,
        )
        listen = (*config.listen, *self._listeners)
        if not listen:
            listen = (Listener(transport="hybrid", endpoint=DEFAULT_LISTENER),)
        expose = {**config.expose, **self._exposed}
        return msgspec.structs.replace(config, server=server, listen=listen, expose=expose)

    def _checkers(self, config: Config) -> list[ICredentialsChecker]:
        checkers: list[ICredentialsChecker] = list(self.get("credCheckers") or ())
        for description in config.server.auth:
            try:
                checkers.append(strcred.makeChecker(description))
            except strcred.InvalidAuthType as error:
                known = sorted({factory.authType for factory in strcred.findCheckerFactories()})
                reason = f"there is no such checker; known: {', '.join(known)}"
                raise ConfigError(f"[server] auth: {str(error)!r}: {reason}") from error
            except Exception as error:  # whatever that kind of checker raises
                reason = str(error) or type(error).__name__
                kind = description.partition(":")[0]  # what follows may be a password
                raise ConfigError(f"[server] auth: {kind!r}: {reason}") from error
        for checker in checkers:
            _keep_bytes(checker)
            # Twisted only warns, and then nobody could ever log in.
            if isinstance(checker, FilePasswordDB) and not Path(checker.filename).is_file():
                raise ConfigError(f"auth: there is no file {checker.filename!r}")
        return checkers


def _keep_bytes(checker: ICredentialsChecker) -> None:
    """Make `memory:` checkers match: Twisted fills them with str, and credentials are bytes."""
    if isinstance(checker, InMemoryUsernamePasswordDatabaseDontUse):
        users: dict[Any, Any] = checker.users
        checker.users = {_octets(name): _octets(password) for name, password in users.items()}


def _octets(text: str | bytes) -> bytes:
    return text.encode("utf-8") if isinstance(text, str) else text


def makeService(options: Options) -> RPCService:
    """The service that `postOptions` has put together."""
    from twisted.internet import reactor as installed

    assert options.service is not None
    command: Any = options.parent
    if command and any(command.get(right) for right in ("chroot", "uid", "gid")):
        for name in ("channel", "websocket", "websocket_client", "http_client", "stream_client"):
            import_module(f"twisted_rpc.transports.{name}")  # soon it may be out of reach
        options.service.load_pages()
    reactor: Any = installed
    reactor.addSystemEventTrigger("before", "shutdown", _settle_signals, reactor)
    return options.service


def _settle_signals(reactor: Any) -> None:
    """It stops: a reactor that is told so again by a signal fails with a traceback."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if getattr(signal.getsignal(number), "__self__", None) is reactor:
            signal.signal(number, _say_it_stops)


def _say_it_stops(number: int, _: Any) -> None:
    name = signal.Signals(number).name
    _log.info("{name} again: it stops, within drain_timeout", name=name)
