"""A coroutine under the reactor, and what its end means for the exit status."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import click
from twisted.internet.defer import Deferred
from twisted.logger import ILogObserver, globalLogBeginner, textFileLogObserver
from twisted.python.failure import Failure

from twisted_rpc.cli.output import OutputClosed, error_text, printable
from twisted_rpc.errors import CallError, ConnectError, ConnectionLost

__all__ = [
    "FAILED",
    "MISUSED",
    "UNCONNECTED",
    "Interrupted",
    "exit_status",
    "in_thread",
    "run",
    "run_until_interrupted",
]

T = TypeVar("T")

FAILED, MISUSED, UNCONNECTED = 1, 2, 3
"""Exit statuses: the far side gave no result; the command makes no sense; no connection."""

_BROKEN_PIPE = 128 + signal.SIGPIPE


class Interrupted(Exception):
    """A signal came.

    Args:
        number: of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def run(main: Callable[[Any], Coroutine[Any, Any, T]], *, debug: bool = False) -> T:
    """Run a coroutine under the reactor, which can be done once in a process.

    SIGINT and SIGTERM cancel it, so that a call that is given up is cancelled over there
    too.

    Args:
        main: called with the reactor.
        debug: write Twisted's log to standard error.

    Raises:
        Interrupted: a signal came.
        Exception: whatever the coroutine raises.
    """
    from twisted.internet import reactor as installed

    reactor: Any = installed
    observers: list[ILogObserver] = [textFileLogObserver(sys.stderr)] if debug else []
    globalLogBeginner.beginLoggingTo(observers, redirectStandardIO=False, discardBuffer=True)
    outcome: list[Any] = []
    signals: list[int] = []

    def begin() -> None:
        running = Deferred.fromCoroutine(main(reactor))

        def interrupted(number: int, frame: object) -> None:
            signals.append(number)
            reactor.callFromThread(running.cancel)

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, interrupted)
        running.addBoth(outcome.append)
        running.addBoth(lambda _: reactor.stop())

    reactor.callWhenRunning(begin)
    reactor.run()
    if signals:
        raise Interrupted(signals[0])
    result = outcome[0]
    if isinstance(result, Failure):
        result.raiseException()
    return result  # type: ignore[no-any-return]


def run_until_interrupted(
    main: Callable[[Any], Coroutine[Any, Any, object]], *, debug: bool = False
) -> None:
    """Run a coroutine for which Ctrl-C is a good end; see `run`."""
    try:
        run(main, debug=debug)
    except Interrupted as error:
        if error.number != signal.SIGINT:
            raise


def in_thread(function: Callable[[], T], reactor: Any) -> Deferred[T]:
    """The result of a function that blocks.

    Unlike one of the reactor's pool, its thread keeps nobody from ending: it may read from
    a terminal where nobody types.
    """
    finished: Deferred[T] = Deferred()

    def finish(result: Any) -> None:
        if not finished.called:
            finished.callback(result)

    def work() -> None:
        try:
            result: Any = function()
        except Exception:
            result = Failure()
        reactor.callFromThread(finish, result)

    threading.Thread(target=work, daemon=True).start()
    return finished


def exit_status(command: Callable[[], int | None]) -> int:
    """Run a command; say in one line on standard error what is wrong, if anything is.

    Returns:
        The exit status: what the command returned, or one for how it failed.
    """
    try:
        status = command() or 0
        sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        print(error.format_message(), file=sys.stderr)
        return MISUSED
    except click.ClickException as error:
        return _complain(error.format_message(), MISUSED)
    except CallError as error:
        return _complain(error_text(error), _status_of(error))
    except Interrupted as error:
        return 128 + error.number
    except (click.Abort, KeyboardInterrupt):
        return 128 + signal.SIGINT
    except (OutputClosed, BrokenPipeError):
        # What is still buffered would be a complaint at the interpreter's end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return _BROKEN_PIPE
    except OSError as error:
        return _complain(f"cannot write: {error.strerror}", FAILED)
    return status


def _status_of(error: CallError) -> int:
    return UNCONNECTED if isinstance(error, ConnectError | ConnectionLost) else FAILED


def _complain(text: str, status: int) -> int:
    print(f"twisted-rpc: {printable(' '.join(text.split()))}", file=sys.stderr)
    return status
