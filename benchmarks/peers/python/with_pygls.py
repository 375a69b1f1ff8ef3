"""pygls: `python with_pygls.py content-length PORT`.

Its own `start_tcp` ends with its first client: here each connection has a server of its own,
and is otherwise served as there.
"""

import asyncio
import logging
import sys
from threading import Event
from typing import Any

from pygls.io_ import run_async
from pygls.protocol import JsonRPCProtocol, default_converter
from pygls.server import JsonRPCServer

logger = logging.getLogger("pygls")
logger.setLevel(logging.ERROR)


def make_server() -> JsonRPCServer:
    """A server for one connection."""
    server = JsonRPCServer(JsonRPCProtocol, default_converter)

    @server.feature("calc.add")
    def add(params: Any) -> float:
        return params[0] + params[1]

    @server.feature("calc.echo")
    def echo(params: Any) -> str:
        return params[0]

    return server


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Serve one connection until its end."""
    server = make_server()
    server.protocol.set_writer(writer)
    await run_async(Event(), reader, server.protocol, logger, server.report_server_error)


async def main(port: int) -> None:
    """Serve until ended."""
    server = await asyncio.start_server(serve, "127.0.0.1", port)
    await server.serve_forever()


asyncio.run(main(int(sys.argv[2])))
