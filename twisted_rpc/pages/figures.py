"""What `/metrics` shows, read from the plain counters when somebody asks for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from weakref import WeakSet

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from twisted_rpc.metering import Histogram
from twisted_rpc.server import Server

__all__ = ["Figures", "complete"]

_SHORTEST, _LONGEST = 14, 36
"""The first and the last bucket, as powers of two in nanoseconds: 16 microseconds, 69 seconds."""

_complete: WeakSet[CollectorRegistry] = WeakSet()
"""The registries that have our metrics already."""


def complete(server: Server) -> CollectorRegistry:
    """The registry of a server, with our metrics and those of its process beside its own."""
    registry: CollectorRegistry = server.metrics
    if registry not in _complete:
        registry.register(Figures(server))
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)
        _complete.add(registry)
    return registry


class Figures(Collector):
    """The metrics of one server; docs/metrics.md says what each of them means.

    Args:
        server: has to be measured.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._meters = server.measure()

    def collect(self) -> Iterator[Metric]:
        """See `Collector.collect`."""
        self._meters.settle()
        yield from self._calls()
        yield from self._messages()
        yield from self._traffic()
        yield from self._refusals()
        yield from self._waiting()
        yield from self._reactor()

    def _calls(self) -> Iterator[Metric]:
        calls = CounterMetricFamily(
            "json_rpc_calls",
            "Calls that have ended.",
            labels=["method", "status"],
        )
        seconds = HistogramMetricFamily(
            "json_rpc_duration_seconds",
            "How long calls took.",
            labels=["method"],
        )
        for method, meter in sorted(self._meters.methods.items()):
            ended = sum(meter.buckets)
            # One that is still on its way may have failed already.
            calls.add_metric([method, "ok"], max(0, ended - meter.errors))
            calls.add_metric([method, "error"], meter.errors)
            seconds.add_metric([method], _buckets(meter), meter.total / 1e9)
        errors = CounterMetricFamily("json_rpc_errors", "Errors by their codes.", labels=["code"])
        for code, times in sorted(self._meters.codes.items()):
            errors.add_metric([str(code)], times)
        yield from (calls, seconds, errors)
        yield GaugeMetricFamily(
            "json_rpc_in_flight",
            "Calls whose result is waited for.",
            self._server.dispatcher.in_flight,
        )

    def _messages(self) -> Iterator[Metric]:
        counters, notifications = self._server.counters, self._meters.notifications
        requests = sum(sum(meter.buckets) for meter in self._meters.methods.values())
        refused = counters.parse_errors + counters.invalid_requests
        messages = CounterMetricFamily(
            "json_rpc_messages",
            "Requests that came in and answers that went out, items of batches each for itself.",
            labels=["direction"],
        )
        messages.add_metric(["in"], requests + refused)
        messages.add_metric(["out"], requests - notifications + refused)
        yield messages
        yield CounterMetricFamily(
            "json_rpc_notifications", "Notifications that came in.", notifications
        )
        yield CounterMetricFamily(
            "json_rpc_batches", "Batches that came in.", self._server.dispatcher.batches.count
        )

    def _traffic(self) -> Iterator[Metric]:
        size = CounterMetricFamily(
            "json_rpc_bytes",
            "Bytes with their framing, without what TLS adds.",
            labels=["transport", "direction"],
        )
        opened = CounterMetricFamily(
            "json_rpc_connections_opened", "Connections since the start.", labels=["transport"]
        )
        for transport, traffic in sorted(self._server.traffic.items()):
            size.add_metric([transport, "in"], traffic.received)
            size.add_metric([transport, "out"], traffic.sent)
            opened.add_metric([transport], traffic.connections)
        connections = GaugeMetricFamily(
            "json_rpc_connections", "Connections that are open.", labels=["transport"]
        )
        now = Counter(each.transport for each in self._server.connections.values())
        for transport in sorted({*now, *self._server.traffic}):
            connections.add_metric([transport], now[transport])
        yield from (size, opened, connections)

    def _refusals(self) -> Iterator[Metric]:
        counters = self._server.counters
        limits = CounterMetricFamily(
            "json_rpc_limit_hits", "How often a limit has refused somebody.", labels=["limit"]
        )
        for limit, times in sorted(counters.limits.items()):
            limits.add_metric([limit], times)
        yield limits
        yield CounterMetricFamily(
            "json_rpc_failed_logins", "Logins that have failed.", counters.failed_logins
        )

    def _waiting(self) -> Iterator[Metric]:
        """What waits somewhere: every line and connection is asked."""
        server = self._server
        connections = list(server.connections.values())
        queued = GaugeMetricFamily("json_rpc_queued", "Messages that wait.", labels=["queue"])
        queued.add_metric(["backlog"], sum(each.backlog for each in connections))
        queued.add_metric(["outgoing"], sum(each.outgoing for each in connections))
        queued.add_metric(["notifications"], len(server.broadcasts))
        wires = [getattr(line, "wire", None) for line in server.lines]
        unread = sum(wire.holds() for wire in wires if wire is not None)
        yield queued
        yield GaugeMetricFamily(
            "json_rpc_unread_bytes", "Bytes that wait for who does not read them.", unread
        )

    def _reactor(self) -> Iterator[Metric]:
        lag = self._meters.lag
        yield GaugeMetricFamily(
            "json_rpc_reactor_lag_latest_seconds",
            "How late the reactor was when it was last asked.",
            lag.latest / 1e9,
        )
        late = HistogramMetricFamily(
            "json_rpc_reactor_lag_seconds", "How late the reactor was, asked every second."
        )
        late.add_metric([], _buckets(lag), lag.total / 1e9)
        yield late


def _buckets(histogram: Histogram) -> list[tuple[str, float]]:
    """How many were at most so long, in seconds, each with those before it."""
    found, together = [], 0
    for length, times in enumerate(histogram.buckets):
        together += times
        if _SHORTEST <= length <= _LONGEST:
            found.append((repr(2**length / 1e9), float(together)))
    return [*found, ("+Inf", float(together))]
