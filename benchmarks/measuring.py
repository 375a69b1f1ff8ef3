"""One measurement of one server."""

from __future__ import annotations

import time

from benchmarks import generator
from benchmarks.generator import Sample
from benchmarks.processes import Process, Processes
from benchmarks.rows import Row
from benchmarks.servers import Server

__all__ = ["measured"]


def measured(row: Row, server: Server, processes: Processes, seconds: float) -> Sample:
    """Measure a server once.

    Raises:
        Failed: it cannot be started, or does not answer as it has to.
    """
    if row.measure == "memory":
        return _memory(row, server)
    if row.measure == "start":
        return _start(server)
    with processes.running(server) as process:
        if server.answers:
            generator.answer(server, process.port, row.message)
        return _load(row, server, process, seconds)


def _load(row: Row, server: Server, process: Process, seconds: float) -> Sample:
    message = generator.message_for(server, row.message, row.per_call)
    options = ["-c", row.connections, "-d", row.depth, "-n", row.per_call]

    def load() -> Sample:
        return generator.load(row.measure, server, process.port, message, seconds, *options)

    if process.is_cold:  # compilers at run time need a while to know what is worth it
        load()
        process.is_cold = False
    return load()


def _memory(row: Row, server: Server) -> Sample:
    """KiB that an idle connection holds; of a new process, so that nothing is left from others."""
    with Process(server) as process:
        process.wait()
        generator.answer(server, process.port, "add")
        process.settle()
        before = process.memory()
        with generator.idle(server, process.port, row.connections):
            held = process.memory() - before
    return Sample(held / row.connections / 1024)


def _start(server: Server) -> Sample:
    """Seconds from the start of the process to its first answer."""
    begun = time.monotonic()
    with Process(server) as process:
        process.wait()
        generator.answer(server, process.port, "add")
        return Sample(time.monotonic() - begun)
