"""`/metrics`: what it shows, to whom, and when there is such a page."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from prometheus_client import Counter
from prometheus_client.parser import text_string_to_metric_families

from tests.helpers import batch, notification, request
from tests.pages.harness import PagesTestCase
from tests.transports.web_client import get, post, reply_to
from twisted_rpc import Server
from twisted_rpc.errors import ConfigError
from twisted_rpc.lag import Lag
from twisted_rpc.pages import choosing
from twisted_rpc.transports.stream import StreamFactory

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"
_ROW = re.compile(r"^\| `(json_rpc_\w+)` \| (.*?) \|", re.MULTILINE)


def sample(text: str, name: str, **labels: str) -> float | None:
    """The value of one sample; None if there is none."""
    for family in text_string_to_metric_families(text):
        for found in family.samples:
            if found.name == name and found.labels == labels:
                return found.value
    return None


class MetricsTest(PagesTestCase):
    """A port that shows metrics, since only this machine reaches it."""

    async def text(self) -> str:
        """The page."""
        reply = await self.reply(get("/metrics"))
        assert reply.status == 200
        return reply.body.decode()

    async def test_calls_are_counted(self) -> None:
        line = await self.open()
        await reply_to(line, post(request("echo", ["x"])))
        await reply_to(line, post(batch(request("echo", ["x"]), request("nobody"))))
        await reply_to(line, post(notification("echo", ["x"])))
        text = await self.text()
        calls = {
            (method, status): sample(text, "json_rpc_calls_total", method=method, status=status)
            for method in ("echo", "(unknown)")
            for status in ("ok", "error")
        }
        assert calls == {
            ("echo", "ok"): 3,
            ("echo", "error"): 0,
            ("(unknown)", "ok"): 0,
            ("(unknown)", "error"): 1,
        }
        assert sample(text, "json_rpc_duration_seconds_count", method="echo") == 3
        assert sample(text, "json_rpc_duration_seconds_bucket", method="echo", le="+Inf") == 3
        assert sample(text, "json_rpc_errors_total", code="-32601") == 1
        assert sample(text, "json_rpc_messages_total", direction="in") == 4
        assert sample(text, "json_rpc_messages_total", direction="out") == 3
        assert sample(text, "json_rpc_notifications_total") == 1
        assert sample(text, "json_rpc_batches_total") == 1
        assert sample(text, "json_rpc_connections", transport="http") == 1
        assert sample(text, "json_rpc_connections_opened_total", transport="http") == 1
        assert (sample(text, "process_resident_memory_bytes") or 0) > 0

    async def test_bytes_are_counted(self) -> None:
        line = await self.open()
        sent = post(request("echo", ["x"]))
        await reply_to(line, sent)
        asked = get("/metrics")
        before = (await reply_to(line, asked)).body.decode()
        after = (await reply_to(line, asked)).body.decode()
        came = sample(before, "json_rpc_bytes_total", transport="http", direction="in")
        assert came == len(sent) + len(asked)
        went = [
            sample(text, "json_rpc_bytes_total", transport="http", direction="out") or 0
            for text in (before, after)
        ]
        assert went[0] > 0
        assert went[1] >= went[0]

    async def test_streams_are_counted(self) -> None:
        await self.text()
        await self.listen(StreamFactory(self.server))
        line = await self.connect(self.ports[1])
        sent = request("echo", ["x"]) + b"\n"
        for _ in range(2):  # the first decides what is spoken
            line.send(sent)
            answer = await line.take_through(b"\n")
        text = (await reply_to(await self.connect(self.ports[0]), get("/metrics"))).body.decode()
        bytes_of = {
            way: sample(text, "json_rpc_bytes_total", transport="tcp", direction=way)
            for way in ("in", "out")
        }
        assert bytes_of == {"in": 2 * len(sent), "out": 2 * len(answer)}
        assert sample(text, "json_rpc_connections", transport="tcp") == 1

    async def test_metrics_of_the_application(self) -> None:
        line = await self.open()
        taken = Counter("orders", "Orders that were taken.", registry=self.server.metrics)
        taken.inc(3)
        assert sample((await reply_to(line, get("/metrics"))).body.decode(), "orders_total") == 3

    async def test_open_metrics(self) -> None:
        reply = await self.reply(get("/metrics", "Accept: application/openmetrics-text"))
        assert reply.headers["content-type"].startswith("application/openmetrics-text")
        assert reply.body.endswith(b"# EOF\n")

    async def test_whatever_is_accepted_is_answered(self) -> None:
        line = await self.open()
        usual = (await reply_to(line, get("/metrics"))).headers["content-type"]
        for accept in (
            "\xff",
            "application/openmetrics-text;version=abc",
            "text/plain;version=1.x",
        ):
            reply = await reply_to(line, get("/metrics", f"Accept: {accept}"))
            assert (reply.status, reply.headers["content-type"]) == (200, usual)

    async def test_the_documentation_names_what_there_is(self) -> None:
        line = await self.open()
        self.server.counters.hit("max_calls")
        await reply_to(line, post(request("echo", ["x"])))
        await reply_to(line, post(request("nobody")))
        await reply_to(line, get("/metrics"))
        text = (await reply_to(line, get("/metrics"))).body.decode()
        shown = {}
        for family in text_string_to_metric_families(text):
            if family.name.startswith("json_rpc_"):
                name = f"{family.name}_total" if family.type == "counter" else family.name
                labels = {label for each in family.samples for label in each.labels}
                shown[name] = labels - {"le"}
        told = {
            name: set(re.findall(r"`(\w+)`", labels))
            for name, labels in _ROW.findall(PAGE.read_text("utf-8"))
        }
        assert told == shown

    async def test_metrics_that_are_switched_off(self) -> None:
        self.listener["metrics"] = False
        assert (await self.reply(get("/metrics"))).status == 404
        assert self.server.meters is None

    async def test_two_ports_show_the_same(self) -> None:
        await self.text()
        await self.listen(self.make_factory(self.server))
        reply = await reply_to(await self.connect(self.ports[1]), get("/metrics"))
        assert reply.status == 200

    async def test_without_the_library(self) -> None:
        with patch.object(choosing, "_has_prometheus", lambda: False):
            assert (await self.reply(get("/metrics"))).status == 404

    def test_without_the_library_but_asked_for(self) -> None:
        self.listener["metrics"] = True
        with (
            patch.object(choosing, "_has_prometheus", lambda: False),
            pytest.raises(ConfigError, match=r"pip install 'twisted_rpc\[metrics\]'"),
        ):
            self.make_factory(Server())


class AcceptTest(PagesTestCase):
    """Who asks for a format."""

    async def test_a_version_that_is_none_is_no_mistake_of_ours(self) -> None:
        self.listener["metrics"] = True
        for accept in ("application/openmetrics-text; version=abc", "text/plain;version=", "\x80"):
            reply = await self.reply(get("/metrics", f"Accept: {accept}"))
            assert reply.status == 200, accept


class PublicMetricsTest(PagesTestCase):
    """A port that others reach."""

    is_own = False

    async def test_metrics_are_not_shown(self) -> None:
        assert (await self.reply(get("/metrics"))).status == 404

    async def test_metrics_that_are_asked_for(self) -> None:
        self.listener["metrics"] = True
        assert (await self.reply(get("/metrics"))).status == 200


class GuardedMetricsTest(PagesTestCase):
    """A port where callers have to log in."""

    async def test_who_may_read_them(self) -> None:
        self.server.enable_auth("alice", "secret")
        alice = "Authorization: Basic YWxpY2U6c2VjcmV0"
        assert (await self.reply(get("/metrics"))).status == 401
        refused = await self.reply(get("/metrics", alice))
        assert (refused.status, refused.body) == (403, b"the access level metrics is needed\n")
        for role in ("metrics", "admin"):
            self.server.set_access("alice", roles=[role])
            assert (await self.reply(get("/metrics", alice))).status == 200


def test_a_lag_that_stays_is_noted_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    from twisted.internet.task import Clock

    from twisted_rpc import lag as module

    class Late(Clock):
        """Does everything a quarter of a second late."""

        def callLater(self, delay: float, *what: Any, **named: Any) -> Any:
            return super().callLater(delay + 0.25, *what, **named)

    clock = Late()
    monkeypatch.setattr(module, "perf_counter_ns", lambda: int(clock.seconds() * 1e9))
    histogram = Server(reactor=clock).measure().lag
    lag = Lag(histogram, reactor=clock)
    lag.startService()
    clock.pump([0.125] * 30)
    lag.stopService()
    assert histogram.total == 750_000_000
    assert histogram.latest == 250_000_000


def test_lag_is_noted_while_the_service_runs() -> None:
    from twisted.internet.task import Clock

    clock = Clock()
    histogram = Server(reactor=clock).measure().lag
    lag = Lag(histogram, reactor=clock)
    lag.startService()
    clock.advance(1)
    assert sum(histogram.buckets) == 1
    assert histogram.latest == histogram.total == 0  # by our own clock it was early
    lag.stopService()
    clock.advance(2)
    assert sum(histogram.buckets) == 1
    assert clock.getDelayedCalls() == []
