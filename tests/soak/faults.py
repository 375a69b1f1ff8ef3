"""Every way to be a bad client, in every phase of a connection."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from random import Random

from tests.soak.clients import Client, Gone, connected, dial
from tests.soak.places import LIMITS, Place

__all__ = ["FAULTS", "SLOW"]

LARGE = 3_000_000
"""Bytes of an answer that fit into no socket's buffer."""

Fault = Callable[[Place, Random], Awaitable[None]]


async def well(place: Place, random: Random) -> None:
    """Log in, call, check the answers, close: what all others are mixed with."""
    async with connected(place, random) as client:
        assert await client.log_in(), "a good password is refused"
        value = {"text": "x" * random.randint(0, 2000), "number": random.random()}
        assert await client.call("soak.echo", value) == value
        if random.random() < 0.2:
            assert len(await client.call("soak.large", 200_000)) == 200_000
            assert await client.call("soak.wait", 0.01) == 0.01
            assert await client.call("soak.thread", "a") == "a"
        await client.close()


async def batch(place: Place, random: Random) -> None:
    """A batch of good, slow and bad calls."""
    async with connected(place, random) as client:
        await client.log_in()
        calls = [client.request("soak.echo", n) for n in range(5)]
        client.send([*calls, client.request("soak.wait", 0.01), client.request("none"), 1, {}])
        answers = await client.receive()
        assert [answer.get("result") for answer in answers[:6]] == [*range(5), 0.01], answers
        assert [answer["error"]["code"] for answer in answers[6:]] == [-32601, -32600, -32600]


async def incident(place: Place, random: Random) -> None:
    """A method that fails."""
    async with connected(place, random) as client:
        await client.log_in()
        answer = await client.ask(client.request("soak.fail"))
        assert answer["error"]["code"] == -32603, answer


async def reset_at_once(place: Place, random: Random) -> None:
    """Connect and reset, before TLS."""
    Client(*await dial(place, random, tls=False)).reset()


async def close_at_once(place: Place, random: Random) -> None:
    """Connect and close."""
    await Client(*await dial(place, random)).close()


async def reset_in_opening(place: Place, random: Random) -> None:
    """Reset in the middle of what has to come first."""
    async with connected(place, random) as client:
        client.writer.write(client.frame(b'{"jsonrpc":"2.0","method":"auth"')[:20])
        await asyncio.sleep(0)


async def garbage(place: Place, random: Random) -> None:
    """Noise, before the login or after it; then whatever comes of it."""
    async with connected(place, random) as client:
        if random.random() < 0.5:
            await client.log_in()
        client.writer.write(random.randbytes(random.randint(1, 3000)) + b"\n")
        client.send(client.request("soak.echo", 1))
        client.writer.write_eof() if client.writer.can_write_eof() else await client.close()
        await client.reader.read()


async def wrong_password(place: Place, random: Random) -> None:
    """A login that fails."""
    async with connected(place, random) as client:
        assert not await client.log_in("wrong"), "a wrong password is taken"


async def half_message(place: Place, random: Random) -> None:
    """Reset, or close, in the middle of a message."""
    async with connected(place, random) as client:
        await client.log_in()
        frame = client.frame(b'{"jsonrpc":"2.0","method":"soak.echo","params":[1],"id":1}')
        client.writer.write(frame[: random.randrange(1, len(frame))])
        await client.writer.drain()
        if random.random() < 0.5:
            await client.close()


async def reset_before_answer(place: Place, random: Random) -> None:
    """Reset while calls run."""
    async with connected(place, random) as client:
        await client.log_in()
        client.send(*[client.request("soak.wait", 0.05 * n) for n in range(random.randint(1, 30))])
        await client.writer.drain()
        await asyncio.sleep(random.choice((0, 0, 0.02)))


async def half_closed(place: Place, random: Random) -> None:
    """Send no more, and read what is still to come."""
    if place.protocols == ("websocket",):
        return  # there it is an end
    async with connected(place, random, ("line", "http")) as client:
        await client.log_in()
        client.send(client.request("soak.wait", 0.02))
        if client.writer.can_write_eof():
            client.writer.write_eof()
        assert (await client.receive())["result"] == 0.02


async def cancelled(place: Place, random: Random) -> None:
    """Cancel a call that runs."""
    if place.protocols == ("http",):
        return  # there is nothing to say beside a call
    async with connected(place, random, ("line", "websocket")) as client:
        await client.log_in()
        call = client.request("soak.wait", 30)
        cancel = {"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": call["id"]}}
        client.send(call, cancel)
        assert (await client.receive())["error"]["code"] == -32800


async def never_answers(place: Place, random: Random) -> None:
    """Be called by the server, and leave."""
    if place.protocols == ("http",):
        return  # nobody calls a client there
    async with connected(place, random, ("line", "websocket")) as client:
        await client.log_in()
        client.send(client.request("soak.ask"))
        assert (await client.receive())["method"] == "client.name"


async def oversized(place: Place, random: Random) -> None:
    """A message that is longer than any may be."""
    async with connected(place, random) as client:
        await client.log_in()
        client.writer.write(client.frame(b"x" * (LIMITS["max_message"] + 1)))
        answer = await client.receive()
        assert answer is None or answer["error"]["code"] == -32007, answer
        await client.reader.read()


async def slow_reader(place: Place, random: Random) -> None:
    """Read a large answer in small pieces, with pauses."""
    async with connected(place, random) as client:
        await client.log_in()
        client.stop_reading(1 << 17)
        client.send(client.request("soak.large", LARGE))
        for _ in range(5):
            await asyncio.sleep(0.05)
            client.read_on()
            await asyncio.sleep(0)
            client.stop_reading(1 << 17)
        client.read_on()
        assert len((await client.receive())["result"]) == LARGE


async def reset_unread(place: Place, random: Random) -> None:
    """Ask for a lot and reset with all of it unread."""
    async with connected(place, random) as client:
        await client.log_in()
        client.stop_reading()
        client.send(*[client.request("soak.large", LARGE)] * 3)
        await asyncio.sleep(0.05)


async def no_tls(place: Place, random: Random) -> None:
    """Something else where TLS is spoken, or its beginning where it is not."""
    reader, writer = await dial(place, random, tls=False)
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + random.randbytes(40)
    writer.write(hello if random.random() < 0.5 else b"GET / HTTP/1.1\r\n\r\n\n")
    if writer.can_write_eof():
        writer.write_eof()
    await reader.read()
    Client(reader, writer).reset()


async def silent(place: Place, random: Random) -> None:
    """Say nothing until the daemon has had enough; without TLS where it is due, at times."""
    reader, writer = await dial(place, random, tls=random.random() < 0.5)
    await reader.read()
    Client(reader, writer).reset()


async def stalled(place: Place, random: Random) -> None:
    """Stop in the middle of a message until the daemon has had enough."""
    async with connected(place, random) as client:
        await client.log_in()
        call = json.dumps(client.request("soak.echo", 1)).encode()
        client.writer.write(client.frame(call)[:-10])
        await client.reader.read()


async def unread(place: Place, random: Random) -> None:
    """Ask for a lot, and read none of it until the daemon has had enough."""
    async with connected(place, random) as client:
        await client.log_in()
        client.stop_reading()
        client.send(*[client.request("soak.large", LARGE)] * 3)
        await asyncio.sleep(LIMITS["unread_timeout"] + 1)
        client.read_on()
        with suppress(TimeoutError):  # if it was quicker than the daemon's answers
            async with asyncio.timeout(1):
                await client.reader.read()


def _forgiving(fault: Fault) -> Fault:
    """A fault that the daemon may answer by closing the line at any time."""

    async def forgiving(place: Place, random: Random) -> None:
        try:
            await fault(place, random)
        except Gone:
            return

    forgiving.__name__ = fault.__name__
    return forgiving


_PATIENT = (well, batch, incident, half_closed, cancelled, never_answers, slow_reader)
"""Whose lines the daemon has no reason to close."""
_IMPATIENT = (
    *(reset_at_once, close_at_once, reset_in_opening, garbage, wrong_password, half_message),
    *(reset_before_answer, oversized, reset_unread, no_tls),
)
SLOW: tuple[Fault, ...] = tuple(map(_forgiving, (silent, stalled, unread)))
"""What ends when one of the daemon's times is over."""
FAULTS: tuple[Fault, ...] = (*_PATIENT, *map(_forgiving, _IMPATIENT))
"""What ends by itself."""
