"""A daemon keeps nothing of clients that fail; and what is kept on purpose is found."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from random import Random

from tests.installation import ROOT
from tests.soak import __main__ as program
from tests.soak.clients import Client, connected
from tests.soak.faults import FAULTS
from tests.soak.measures import Counts, grown
from tests.soak.places import Place, Soaked


async def leaking(place: Place, random: Random, kind: str) -> None:
    """A client for which the daemon keeps something."""
    async with connected(place, random) as client:
        await client.log_in()
        await client.call("soak.leak", kind)
        await client.close()


def test_nothing_is_left_behind() -> None:
    arguments = ["--cycles", str(program.ROUNDS), "--seconds", "0", "--peers", "3"]
    arguments += ["--p99", "inf"]  # how fast this machine is does not matter here
    command = [sys.executable, "-m", "tests.soak", *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, timeout=180, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing is left behind" in done.stdout


def test_every_leak_is_found(tmp_path: Path) -> None:
    async def soak() -> dict[str, list[str]]:
        async with connected(daemon.places["tcp"], Random(1)) as control:
            assert await control.log_in()
            return {kind: await found(control, kind) for kind in kinds}

    async def found(control: Client, kind: str) -> list[str]:
        places = list(daemon.places.values())
        for place in places:  # what is made for the first time is there after that
            await leaking(place, Random(1), kind)
        before = await counts(control)
        for place in places * often:
            await leaking(place, Random(1), kind)
        return grown(before, await counts(control))

    async def counts(control: Client) -> Counts:
        while True:
            lines, _ = await control.call("soak.state")
            if lines <= 1:
                break
            await asyncio.sleep(0.01)
        return Counts.of(await control.call("soak.counts"))

    often = 11
    kinds = ("objects", "memory", "descriptors", "delayed calls")
    with Soaked(tmp_path) as daemon:
        leaks = asyncio.run(soak())
    named = {"objects": "Deferred", "memory": "KiB", "descriptors": "", "delayed calls": ""}
    for kind, lines in leaks.items():
        said = named[kind] or kind
        assert any(said in line for line in lines), f"{kind}: {lines}"


def test_a_client_that_is_not_served_is_reported(tmp_path: Path) -> None:
    async def disappointed(place: Place, random: Random) -> None:
        async with connected(place, random) as client:
            assert await client.log_in()
            assert await client.call("soak.echo", 1) == 2, "the wrong answer"

    async def soak() -> list[str]:
        soaking = program.Soaking(daemon, Random(1))
        await soaking._one(daemon.places["http"], disappointed)
        return soaking.faults

    with Soaked(tmp_path) as daemon:
        (fault,) = asyncio.run(soak())
    assert fault.startswith("disappointed at http: AssertionError: the wrong answer")


def test_faults_have_names_of_their_own() -> None:
    assert len({fault.__name__ for fault in FAULTS}) == len(FAULTS)
