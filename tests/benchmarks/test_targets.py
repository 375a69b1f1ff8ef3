"""Targets: what is compared with what, and when it is met."""

from __future__ import annotations

from benchmarks.rows import ROWS
from benchmarks.targets import AT_LEAST, AT_MOST, Verdict, verdicts
from tests.benchmarks.found import found


def test_every_target_is_of_a_row_that_there_is() -> None:
    titles = {row.title for row in ROWS}
    assert {title for title, *_ in (*AT_LEAST, *AT_MOST)} <= titles


def test_a_peer_is_compared_by_the_median_of_the_rounds() -> None:
    result = found(
        "TCP, 16 outstanding",
        {"twisted_rpc": [200, 100, 90], "jayson": [100, 50, 50], "aiorpcX": [10, 50, 40]},
    )
    assert verdicts([result]) == [
        Verdict("TCP, 16 outstanding, beside jayson", "2.0 x", "2.00 (1.80, 2.00) x", True),
        Verdict(
            "TCP, 16 outstanding, beside the best peer in Python",
            "3.0 x",
            "2.25 (2.00, 20.00) x",
            False,
        ),
    ]


def test_the_best_peer_is_no_limit_and_not_ours() -> None:
    result = found(
        "HTTP, batches of 100",
        {"twisted_rpc": [26], "jayson": [10], "anvil": [20], "uvloop, unchecked": [500]},
    )
    assert verdicts([result]) == [
        Verdict("HTTP, batches of 100, beside the best peer", "1.3 x", "1.30 (1.30, 1.30) x", True)
    ]


def test_memory_and_time_have_bounds_of_their_own() -> None:
    memory = found("TCP, memory of an idle connection", {"twisted_rpc": [4.5, 3.9, 4.1]})
    start = found("HTTP, start to first answer", {"twisted_rpc": [0.6], "pjrpc": [0.1]})
    assert [(one.got, one.is_met) for one in verdicts([memory, start])] == [
        ("4.10 KiB per connection", False),
        ("0.60 s", True),
    ]


def test_our_own_tls_stands_beside_our_own_plain_transport() -> None:
    result = found("HTTP, TLS, 1 outstanding", {"twisted_rpc over TLS": [6], "twisted_rpc": [10]})
    assert verdicts([result]) == [
        Verdict(
            "HTTP, TLS, 1 outstanding, beside twisted_rpc", "0.6 x", "0.60 (0.60, 0.60) x", True
        )
    ]


def test_what_was_not_measured_has_no_verdict() -> None:
    nothing = found("TCP, start to first answer", {"twisted_rpc": [None]})
    alone = found("TCP, 1 outstanding", {"twisted_rpc": [1]})
    assert verdicts([nothing, alone]) == []
