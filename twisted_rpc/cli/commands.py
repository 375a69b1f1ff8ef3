"""The commands that call, notify and listen."""

from __future__ import annotations

import os
import sys
from typing import Any

import click
import msgspec

from twisted_rpc.cli.batches import Line, answers_to, is_unanswered, read_chunks
from twisted_rpc.cli.discovery import as_table, list_methods
from twisted_rpc.cli.hearing import Hearing
from twisted_rpc.cli.output import error_object, printable, to_json
from twisted_rpc.cli.parameters import HELP, parse_parameters
from twisted_rpc.cli.program import examples, program
from twisted_rpc.cli.progress import Progress
from twisted_rpc.cli.running import in_thread, run, run_until_interrupted
from twisted_rpc.cli.status import FAILED
from twisted_rpc.cli.target import Target, calls_a_server
from twisted_rpc.client import Client
from twisted_rpc.errors import RemoteError

__all__ = ["batch", "call", "listen", "methods", "notify"]


@program.command(
    epilog=examples(
        "call tcp://127.0.0.1:7080 calc.add 1 2",
        "call http://127.0.0.1:7080 calc.add a=1 b=2",
        "call --timeout 5 unix:/run/rpc.sock users.create @user.json",
        "call ws://127.0.0.1:7080 calc.add - <<< '[1, 2]'",
        notes=HELP,
    )
)
@calls_a_server
@click.argument("method")
@click.argument("params", nargs=-1)
def call(target: Target, *, method: str, params: tuple[str, ...]) -> None:
    """Call a METHOD and print its result as JSON.

    With --json the error object of a call that failed is printed, too.
    """
    values = parse_parameters(params, sys.stdin.buffer)

    async def main(reactor: Any) -> Any:
        async with target.connect(reactor) as client:
            return await client.call(method, values)

    try:
        result = run(main, debug=target.debug)
    except RemoteError as error:
        if target.output.as_json:
            target.output.value(error_object(error))
        raise
    target.output.value(result)


@program.command(
    epilog=examples(
        "notify tcp://127.0.0.1:7080 chat.say 'hello, world'",
        "notify http://127.0.0.1:7080 log.write level=info text='it works'",
        notes=HELP,
    )
)
@calls_a_server
@click.argument("method")
@click.argument("params", nargs=-1)
def notify(target: Target, *, method: str, params: tuple[str, ...]) -> None:
    """Send a notification: a METHOD is told something, and nobody answers.

    It has left when the command ends; over HTTP the server has taken it. Whether the method
    liked it is not to be known.
    """
    values = parse_parameters(params, sys.stdin.buffer)

    async def main(reactor: Any) -> None:
        async with target.connect(reactor) as client:
            client.notify(method, values)
            await target.deliver(client, reactor)

    run(main, debug=target.debug)


@program.command(
    epilog=examples(
        "batch http://127.0.0.1:7080 requests.jsonl",
        "batch --size 20 tcp://127.0.0.1:7080 - < requests.jsonl > answers.jsonl",
    )
)
@calls_a_server
@click.argument(
    "path", metavar="FILE", type=click.Path(exists=True, dir_okay=False, allow_dash=True)
)
@click.option(
    "--size",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    help="How many requests are sent at once; no more than the server's max_batch.",
)
def batch(target: Target, *, path: str, size: int) -> int:
    """Send the requests in FILE (- for standard input), and print the answers.

    Each line of FILE is a request object in JSON, with method, params and id ("jsonrpc" may
    be left out); without an id it is a notification, which is not answered. Each answer is
    a line with the id of its request, in the order of the requests.

    Requests are sent --size at a time. A line that is no request ends the command with
    status 2 before anything of its chunk is sent; what came before it has been answered by
    then. The status is 1 if any answer was an error.
    """
    descriptor = 0 if path == "-" else os.open(path, os.O_RDONLY)
    chunks = read_chunks(descriptor, "standard input" if path == "-" else path, size)
    failed = 0

    async def send(chunk: list[Line], client: Client, reactor: Any) -> None:
        nonlocal failed
        for answer in await answers_to(chunk, client):
            target.output.line(to_json(answer))
            failed += "error" in answer
        if is_unanswered(chunk):
            await target.keep_pace(client, reactor)

    async def main(reactor: Any) -> None:
        chunk: list[Line] = []
        async with target.connect(reactor) as client:
            with Progress(descriptor) as progress:
                while following := await in_thread(lambda: next(chunks, None), reactor):
                    chunk = following
                    await send(chunk, client, reactor)
                    progress.advance(len(chunk))
            if chunk and is_unanswered(chunk):
                await target.deliver(client, reactor)

    run(main, debug=target.debug)
    return FAILED if failed else 0


@program.command(
    epilog=examples(
        "listen ws://127.0.0.1:7080",
        "listen --json --count 10 tcp://127.0.0.1:7080 chat.said chat.left",
    )
)
@calls_a_server
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--count", type=click.IntRange(min=1), help="End after so many notifications.")
def listen(target: Target, *, names: tuple[str, ...], count: int | None) -> None:
    """Print notifications as they come: all of them, or those of the methods NAME.

    A connection that is lost is made anew. Ctrl-C ends it.
    """
    if target.only_answers:
        raise click.UsageError(
            f"{target.url}: nothing but answers comes over HTTP: listen by tcp, ws or unix"
        )

    async def main(reactor: Any) -> None:
        async with target.connect(reactor, reconnect=True) as client:
            await Hearing(client, target.output, names, count).wait()

    run_until_interrupted(main, debug=target.debug)


@program.command(epilog=examples("methods tcp://127.0.0.1:7080", "methods --json URL"))
@calls_a_server
def methods(target: Target) -> None:
    """List the methods of a server that tells them.

    It is asked for rpc.discover (OpenRPC), then rpc.methods, then system.listMethods.
    """

    async def main(reactor: Any) -> Any:
        async with target.connect(reactor) as client:
            return await list_methods(client)

    found = run(main, debug=target.debug)
    if target.output.as_json:
        target.output.value(msgspec.to_builtins(found))
    elif target.output.is_terminal:
        target.output.table(*as_table(found))
    else:
        for method in found:
            target.output.line(printable(method.name))
