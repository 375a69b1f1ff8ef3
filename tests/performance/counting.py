"""What a piece of code costs: functions, instructions, system calls, memory; never time.

The interpreter tells of each function it enters (`sys.setprofile`) and of each instruction it
executes (`sys.settrace`, `sys.monitoring`), so the same code on the same input always gives
the same numbers, however busy the machine is.
"""

from __future__ import annotations

import gc
import os
import sys
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from select import epoll
from socket import socket
from types import CodeType, FrameType
from typing import Any

from msgspec import Struct
from twisted.internet.base import DelayedCall

import twisted_rpc

__all__ = ["Cost", "Profile", "allocated", "count", "left"]

_OURS = os.path.dirname(twisted_rpc.__file__) + os.sep  # noqa: PTH120 - compared with code objects
_HARNESS = os.path.dirname(__file__) + os.sep  # noqa: PTH120

# How many the reactor's heap of delayed calls takes depends on what else waits in it.
_COMPARISONS = {DelayedCall.__lt__.__code__, DelayedCall.__le__.__code__}

_SYSTEM_CALLS = {
    (socket, "recv"): "recv",
    (socket, "send"): "send",
    (epoll, "register"): "epoll_ctl",
    (epoll, "modify"): "epoll_ctl",
    (epoll, "unregister"): "epoll_ctl",
    (epoll, "poll"): "epoll_wait",
}


class Cost(Struct, frozen=True):
    """What was counted.

    Attributes:
        functions: functions and coroutines of the package that were entered.
        builtins: functions written in C that they called.
        instructions: bytecode instructions of the package that were executed.
        others: functions in Python that are not the package's, and what those called in C.
        recv, send: of sockets.
        epoll_ctl: changes of what the reactor waits for.
        epoll_wait: how often it was asked what is ready.
        blocks: of memory that stay allocated.
        garbage: objects that only the collector frees.
    """

    functions: float = 0
    builtins: float = 0
    instructions: float = 0
    others: float = 0
    recv: float = 0
    send: float = 0
    epoll_ctl: float = 0
    epoll_wait: float = 0
    blocks: float = 0
    garbage: float = 0


class Profile:
    """The same function by function.

    Attributes:
        entered: how often each function was entered.
        executed: how many instructions of each function of the package were executed.
        called: how often each function called one written in C, by its name.
        system: system calls.
    """

    def __init__(self) -> None:
        self.entered: Counter[CodeType] = Counter()
        self.executed: Counter[CodeType] = Counter()
        self.called: Counter[tuple[CodeType, str]] = Counter()
        self.system: Counter[str] = Counter()

    def profile(self, frame: FrameType, event: str, function: Any) -> None:
        """See `sys.setprofile`."""
        code = frame.f_code
        if code.co_filename.startswith(_HARNESS) or code in _COMPARISONS:
            return
        if event == "call":
            self.entered[code] += 1
        elif event == "c_call":
            self.called[code, function.__qualname__] += 1
            kind = type(getattr(function, "__self__", None))
            name = _SYSTEM_CALLS.get((kind, function.__name__))
            if name is not None:
                self.system[name] += 1

    def cost(self) -> Cost:
        """The sums."""
        functions = sum(count for code, count in self.entered.items() if is_ours(code))
        builtins = sum(count for (code, _), count in self.called.items() if is_ours(code))
        everything = self.entered.total() + self.called.total()
        return Cost(
            functions,
            builtins,
            self.executed.total(),
            everything - functions - builtins,
            *(self.system[name] for name in ("recv", "send", "epoll_ctl", "epoll_wait")),
        )

    def lines(self, calls: int) -> list[str]:
        """Function by function, those with the most instructions first; for each call."""
        codes = self.entered.keys() | self.executed.keys() | {code for code, _ in self.called}
        found = sorted(
            codes, key=lambda code: (-self.executed[code], -self.entered[code], place(code))
        )
        return [f"{'instructions':>12} {'entered':>8}  function, and what it calls in C"] + [
            f"{self.executed[code] / calls:12.1f} {self.entered[code] / calls:8.1f}  "
            f"{place(code)}{self._builtins_of(code, calls)}"
            for code in found
        ]

    def _builtins_of(self, caller: CodeType, calls: int) -> str:
        counts = [(name, times) for (code, name), times in self.called.items() if code is caller]
        told = ", ".join(f"{name} {times / calls:g}" for name, times in counts)
        return f": {told}" if told else ""


def place(code: CodeType) -> str:
    """Where a function stands."""
    path = Path(code.co_filename)
    return f"{path.parent.name}/{path.name} {code.co_qualname}"


def is_ours(code: CodeType) -> bool:
    """Whether it is of the package."""
    return code.co_filename.startswith(_OURS)


def count(run: Callable[[], object]) -> Profile:
    """What running this costs."""
    profile = Profile()
    before = sys.getprofile()
    gc.disable()  # or it would run finalizers, now and then
    with _instructions(profile.executed):
        sys.setprofile(profile.profile)
        try:
            run()
        finally:
            sys.setprofile(before)
            gc.enable()
    return profile


if sys.version_info >= (3, 12):  # whose `sys.settrace` leaves out instructions
    _TOOL = 4  # one that neither coverage nor a debugger has (PEP 669)

    @contextmanager
    def _instructions(executed: Counter[CodeType]) -> Iterator[None]:
        """Count the instructions of the package, by function."""
        monitoring = sys.monitoring

        def executes(code: CodeType, _: int) -> Any:
            if not is_ours(code):
                return monitoring.DISABLE
            executed[code] += 1
            return None

        monitoring.use_tool_id(_TOOL, __name__)
        monitoring.register_callback(_TOOL, monitoring.events.INSTRUCTION, executes)
        monitoring.set_events(_TOOL, monitoring.events.INSTRUCTION)
        try:
            yield
        finally:
            monitoring.set_events(_TOOL, 0)
            monitoring.free_tool_id(_TOOL)

else:

    @contextmanager
    def _instructions(executed: Counter[CodeType]) -> Iterator[None]:
        """Count the instructions of the package, by function."""

        def enters(frame: FrameType, event: str, _: Any) -> Callable[..., Any] | None:
            if not is_ours(frame.f_code):
                return None
            frame.f_trace_lines, frame.f_trace_opcodes = False, True
            return executes

        def executes(frame: FrameType, event: str, _: Any) -> Callable[..., Any]:
            if event == "opcode":
                executed[frame.f_code] += 1
            return executes

        before = sys.gettrace()
        sys.settrace(enters)
        try:
            yield
        finally:
            sys.settrace(before)


def left(run: Callable[[], object], times: int) -> tuple[float, float]:
    """What running this leaves behind, each time.

    Returns:
        Blocks of memory that stay allocated, and objects that only the collector frees,
        which takes time as well.
    """
    gc.collect()  # which also empties the interpreter's lists of free objects
    gc.disable()
    before = sys.getallocatedblocks()
    try:
        for _ in range(times):
            run()
        garbage = gc.collect()
    finally:
        gc.enable()
    return (sys.getallocatedblocks() - before) / times, garbage / times


def allocated(run: Callable[[], object]) -> tuple[int, int]:
    """How much memory is allocated while this runs, whether it is kept or not.

    A copy needs room, so what is copied again and again is seen here.  A buffer that grows
    where it is counts by its growth.

    Returns:
        The bytes, and how many lines of Python were executed.
    """
    lines = total = last = 0

    def trace(frame: FrameType, event: str, _: Any) -> Callable[..., Any]:
        nonlocal lines, total, last
        now, peak = tracemalloc.get_traced_memory()
        lines += event == "line"
        total += max(0, peak - last)
        last = now
        tracemalloc.reset_peak()
        return trace

    before, was_tracing = sys.gettrace(), tracemalloc.is_tracing()
    tracemalloc.start()
    tracemalloc.reset_peak()
    last = tracemalloc.get_traced_memory()[0]
    sys.settrace(trace)
    try:
        run()
    finally:
        sys.settrace(before)
        if not was_tracing:
            tracemalloc.stop()
    return total, lines
