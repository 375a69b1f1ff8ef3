"""Debian's Chromium, driven from a thread of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

from playwright.sync_api import Browser, Request, Route, sync_playwright

from tests.browser.attacks import PREAMBLE
from tests.processes import DEADLINE

__all__ = ["EVIL", "Chromium", "Visit"]

EVIL = "evil.test"
"""A stranger's name, which leads to this machine."""

_ARGUMENTS = (
    f"--host-resolver-rules=MAP {EVIL} 127.0.0.1",
    # What is tried is how the daemon defends itself, not whether this browser asks before.
    "--disable-features=LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets,HttpsUpgrades",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


class Chromium:
    """One browser, for as long as a `with` block lasts.

    Playwright's own loop would be in the way of all else that runs in its thread.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1)

    def do(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """Have something done in the browser's thread."""
        return self._thread.submit(work, *arguments).result(2 * DEADLINE)

    def __enter__(self) -> Self:
        self.do(self._open)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.do(self._close)
        self._thread.shutdown()

    def _open(self) -> None:
        self._playwright = sync_playwright().start()
        self.browser: Browser = self._playwright.chromium.launch(
            executable_path="/usr/bin/chromium-headless-shell", args=_ARGUMENTS
        )

    def _close(self) -> None:
        self.browser.close()
        self._playwright.stop()

    @contextmanager
    def visit(self, address: str, *, invented: bool = False) -> Iterator[Visit]:
        """Look at a page, in a browser that remembers nothing of earlier visits.

        Args:
            address: of the page.
            invented: whether the page is empty, and comes from nowhere: as from a server
                that was there before its name led to another one.
        """
        visit = Visit(self)
        self.do(visit.begin, address, invented)
        try:
            yield visit
        finally:
            self.do(visit.end)


class Visit:
    """A page that somebody looks at.

    Args:
        chromium: the browser.
    """

    def __init__(self, chromium: Chromium) -> None:
        self._chromium = chromium
        self._begun = 0
        self._over = 0

    def run(self, script: str, url: str, message: str) -> str | None:
        """Run a script until every request that it made is over; what it learnt.

        Args:
            script: one of `tests.browser.attacks`.
            url: where it sends its message.
            message: the message.
        """
        learnt: str | None = self._chromium.do(self._run, script, url, message)
        return learnt

    def follow_link(self, url: str) -> str:
        """The title of the page behind a link."""
        title: str = self._chromium.do(self._follow_link, url)
        return title

    def begin(self, address: str, invented: bool) -> None:
        """Open the page; in the browser's thread."""
        self._context = self._chromium.browser.new_context()
        page = self._context.new_page()
        page.on("request", self._begins)
        page.on("requestfinished", self._is_over)
        page.on("requestfailed", self._is_over)
        self._page = page
        if invented:
            page.route(address, _fulfil)
        page.goto(address)

    def end(self) -> None:
        """Close the page; in the browser's thread."""
        self._context.close()

    def _run(self, script: str, url: str, message: str) -> str | None:
        self._begun = self._over = 0
        program = f"([url, message]) => {{ {PREAMBLE} return {script.strip()}; }}"
        learnt: str | None = self._page.evaluate(program, [url, message])
        if learnt is None:  # it is told nothing
            self._wait()
        return learnt

    def _wait(self) -> None:
        """Wait until there has been a request, and all are over."""
        end = time.monotonic() + DEADLINE
        while not self._begun or self._over < self._begun:
            assert time.monotonic() < end, f"{self._over} of {self._begun} requests are over"
            self._page.wait_for_timeout(5)  # events are taken meanwhile

    def _begins(self, request: Request) -> None:
        self._begun += 1

    def _is_over(self, request: Request) -> None:
        self._over += 1

    def _follow_link(self, url: str) -> str:
        self._page.set_content(f'<a href="{url}">on</a>')
        self._page.click("a")
        self._page.wait_for_url(url)
        return self._page.title()


def _fulfil(route: Route) -> None:
    route.fulfill(body="<!doctype html><title>evil</title>", content_type="text/html")
