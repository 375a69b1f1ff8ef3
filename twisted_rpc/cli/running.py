"""A coroutine under the reactor."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.logger import ILogObserver, globalLogBeginner, textFileLogObserver
from twisted.python.failure import Failure

from twisted_rpc.cli.status import Interrupted

__all__ = ["in_thread", "run", "run_until_interrupted"]

T = TypeVar("T")


def run(main: Callable[[Any], Coroutine[Any, Any, T]], *, debug: bool = False) -> T:
    """Run a coroutine under the reactor, which can be done once in a process.

    SIGINT and SIGTERM cancel it, so that a call that is given up is cancelled over there
    too.  A second one ends the process, whatever it waits for.

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
    begun: Deferred[None] = Deferred()

    async def begin() -> T:
        await begun
        _on_signals(interrupted)  # the reactor has installed its own
        return await main(reactor)

    def interrupted(number: int, frame: object) -> None:
        signals.append(number)
        _on_signals(signal.SIG_DFL)
        reactor.callFromThread(running.cancel)

    running = Deferred.fromCoroutine(begin())
    running.addBoth(outcome.append)
    running.addBoth(lambda _: reactor.stop())
    _on_signals(interrupted)
    reactor.callWhenRunning(begun.callback, None)
    reactor.run()
    _on_signals(signal.SIG_DFL)  # nothing runs any more that could be cancelled
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if signals or not outcome:  # without an outcome the reactor's own handler heard SIGTERM
        raise Interrupted(signals[0] if signals else signal.SIGTERM)
    result = outcome[0]
    if isinstance(result, Failure):
        result.raiseException()
    return result  # type: ignore[no-any-return]


def _on_signals(act: Any) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, act)


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
