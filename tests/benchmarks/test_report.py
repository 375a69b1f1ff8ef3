"""What is printed and written, of numbers that are known."""

from __future__ import annotations

from xml.etree import ElementTree

from benchmarks.chart import as_svg
from benchmarks.report import as_data, as_markdown
from tests.benchmarks.found import found

SVG = "{http://www.w3.org/2000/svg}"
CALLS = found(
    "TCP, 1 outstanding",
    {"twisted_rpc": [60_000, 30_000], "jayson": [50_000, 20_000], "aiorpcX": [None, None]},
)
CALLS.left_out["aiorpcX"] = "has ended: no such thing"
START = found("TCP, start to first answer", {"twisted_rpc": [0.5, 0.7], "aiorpcX": [None, None]})
START.left_out["aiorpcX"] = "has ended: no such thing"


def test_a_table_has_a_line_for_each_server_that_was_measured() -> None:
    lines = as_markdown([CALLS, START]).splitlines()
    assert lines[2:5] == [
        "| TCP, 1 outstanding | twisted_rpc | 45,000 | calls/s | 0.20 | 0.90 |  |",
        "| TCP, 1 outstanding | jayson | 35,000 | calls/s | 0.20 | 0.90 | 1.35 (1.20, 1.50) |",
        "| TCP, start to first answer | twisted_rpc | 0.60 | s | 0.20 | 0.90 |  |",
    ]
    assert "| TCP, start to first answer | 0.6 s or less | 0.60 s | met |" in lines
    assert any(
        "**not met**" in line
        for line in as_markdown(
            [found("TCP, 16 outstanding", {"twisted_rpc": [1], "jayson": [1]})]
        ).splitlines()
    )


def test_who_was_left_out_is_named_once_with_the_reason() -> None:
    assert as_markdown([CALLS, START]).endswith(
        "Left out:\n\n- aiorpcX (TCP, 1 outstanding; TCP, start to first answer): "
        "has ended: no such thing\n"
    )
    assert "Left out" not in as_markdown([found("TCP, 1 outstanding", {"twisted_rpc": [1]})])


def test_the_data_has_every_sample_and_what_it_was_measured_on() -> None:
    data = as_data([CALLS], 2, 0.5)
    (row,) = data["rows"]
    ours = {"name": "twisted_rpc", "kind": "ours"}
    samples = [{"value": value, "p50_us": 200, "p99_us": 900} for value in (60_000, 30_000)]
    assert row["servers"][0] == {**ours, "samples": samples}
    assert row["servers"][-1]["samples"] == [None, None]
    assert row["left_out"] == {"aiorpcX": "has ended: no such thing"}
    assert (data["rounds"], data["seconds"], row["unit"]) == (2, 0.5, "calls/s")
    assert {"cpu", "cores", "kernel", "python", "node"} <= data["machine"].keys()
    assert {"twisted_rpc", "Twisted", "msgspec"} <= data["versions"].keys()


def test_a_chart_shows_the_ratios_of_others_to_ours() -> None:
    chart = ElementTree.fromstring(
        as_svg([CALLS, found("HTTP, 1 outstanding", {"twisted_rpc": [None], "pjrpc": [1]})])
    )
    (panel,) = chart.iter(f"{SVG}g")
    texts = [text.text for text in panel.iter(f"{SVG}text")]
    assert texts == [
        "TCP, 1 outstanding",
        "ours: 45,000 calls/s; more is better",
        *("twisted_rpc", "1.00"),
        *("jayson", "0.75"),
    ]
    widths = [float(bar.attrib["width"]) for bar in panel.iter(f"{SVG}rect")]
    assert widths[1] / widths[0] == 0.75
    (spread,) = [line for line in panel.iter(f"{SVG}line") if line.get("class") == "spread"]
    assert float(spread.attrib["x1"]) < float(spread.attrib["x2"])


def test_a_chart_has_colours_for_light_and_dark_pages() -> None:
    assert "prefers-color-scheme: dark" in as_svg([CALLS])
