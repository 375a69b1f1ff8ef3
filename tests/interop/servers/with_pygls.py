"""pygls, a language server: `python with_pygls.py stdio`, or `python with_pygls.py tcp PORT`."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from typing import Any

from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer

NOTES: list[str] = []
WAITING = {"waiting": 0, "cancelled": 0}

server = LanguageServer("interop", "1")


@server.feature("subtract")
def subtract(params: Any) -> float:
    """It makes lists of lists and objects with attributes of objects."""
    first, second = params if isinstance(params, list) else (params.minuend, params.subtrahend)
    return float(first - second)


@server.feature("echo")
def echo(params: list[Any]) -> Any:
    return params[0]


@server.feature("nothing")
def nothing(params: Any) -> None:
    return None


@server.feature("fail")
def fail(params: Any) -> None:
    raise JsonRpcException("as asked", 7, {"why": "test"})


@server.feature("note")
def note(params: list[str]) -> None:
    NOTES.append(params[0])


@server.feature("notes")
def notes(params: Any) -> list[str]:
    return NOTES


@server.feature("wait")
async def wait(params: Any) -> None:
    WAITING["waiting"] += 1
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        WAITING["cancelled"] += 1
        raise


@server.feature("waits")
def waits(params: Any) -> dict[str, int]:
    return WAITING


@server.feature("pid")
def pid(params: Any) -> int:
    return os.getpid()


@server.feature("ask")
async def ask(params: list[Any]) -> Any:
    name, given = params
    return await server.protocol.send_request_async(name, given)


@server.feature("tell")
def tell(params: list[Any]) -> None:
    name, given = params
    server.protocol.notify(name, given)


@server.command("interop.subtract")
def run_subtract(minuend: float, subtrahend: float) -> float:
    """For `workspace/executeCommand`."""
    return minuend - subtrahend


if sys.argv[1] == "stdio":
    server.start_io()
else:
    # Where it listens is in its log, and nowhere else.
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(message)s")
    server.start_tcp("127.0.0.1", int(sys.argv[2]))
