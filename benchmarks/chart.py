"""A chart (SVG): one panel for each row, a bar for each server, ours as the measure of all.

Its colours follow what the page prefers, light or dark.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from benchmarks.ratios import Ratio, median_of, ratio_of, shown
from benchmarks.rounds import Result
from benchmarks.servers import Server

__all__ = ["as_svg"]

COLUMNS = 2
WIDTH, LABEL, BAR = 480, 150, 250
"""Of a panel, of the names in it, and of the longest bar."""

LINE, HEAD, GAP = 18, 34, 22
MOST = 2.5
"""Ratios beyond are cut off; the number beside the bar says how much it is."""

STYLE = """
.page { fill: var(--page) }
text { font: 12px system-ui, sans-serif; fill: var(--ink) }
.title { font-weight: 600; font-size: 13px } .note { fill: var(--faint) }
.one { stroke: var(--faint); stroke-dasharray: 3 3 } .spread { stroke: var(--ink) }
.ours { fill: var(--ours) } .node { fill: var(--node) } .python { fill: var(--python) }
.rust { fill: var(--rust) } .limit { fill: var(--limit) }
svg { --page: #ffffff; --ink: #1f2328; --faint: #6e7781; --ours: #1a7f37; --node: #bf8700;
      --python: #2f6fb7; --rust: #bc4c00; --limit: #afb8c1 }
@media (prefers-color-scheme: dark) {
  svg { --page: #0d1117; --ink: #e6edf3; --faint: #8b949e; --ours: #3fb950; --node: #d9a514;
        --python: #58a6ff; --rust: #f0883e; --limit: #6e7681 }
}
"""
LEGEND = (
    ("ours", "twisted_rpc"),
    ("node", "on Node"),
    ("python", "in Python"),
    ("rust", "in Rust"),
    ("limit", "no JSON-RPC server: checks nothing"),
)


def as_svg(results: Sequence[Result]) -> str:
    """Each server beside ours: the median over the rounds of theirs to ours, and its spread."""
    panels = [result for result in results if result.ours in result.measured()]
    columns: list[list[str]] = [[] for _ in range(COLUMNS)]
    heights = [HEAD + GAP] * COLUMNS
    for result in panels:
        at = heights.index(min(heights))
        columns[at].append(f'<g transform="translate({at * WIDTH + 12} {heights[at]})">')
        columns[at] += [*_panel(result), "</g>"]
        heights[at] += HEAD + LINE * len(result.measured()) + GAP
    size = f"0 0 {COLUMNS * WIDTH + 12} {max(heights)}"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{size}" role="img">'
    page = '<rect class="page" width="100%" height="100%" rx="6"/>'
    parts = [line for column in columns for line in column]
    title = "<title>Servers beside twisted_rpc, which is 1</title>"
    return "\n".join(
        [head, title, f"<style>{STYLE}</style>", page, *_legend(), *parts, "</svg>", ""]
    )


def _legend() -> Iterator[str]:
    at = 12
    for kind, text in LEGEND:
        yield f'<rect class="{kind}" x="{at}" y="14" width="12" height="12"/>'
        yield f'<text x="{at + 18}" y="24">{text}</text>'
        at += 48 + 7 * len(text)


def _panel(result: Result) -> Iterator[str]:
    better = "less is better" if result.row.less_is_better else "more is better"
    value = median_of(result.values(result.ours)) or 0
    note = f"ours: {shown(value)} {result.row.unit}; {better}"
    servers = result.measured()
    yield f'<text class="title" y="16">{escape(result.row.title)}</text>'
    yield f'<text class="note" x="{LABEL + BAR + 60}" y="16" text-anchor="end">{note}</text>'
    one, bottom = LABEL + _x(1), HEAD - 8 + len(servers) * LINE
    yield f'<line class="one" x1="{one}" x2="{one}" y1="{HEAD - 12}" y2="{bottom}"/>'
    for number, server in enumerate(servers):
        ratio = ratio_of(result.values(server), result.values(result.ours))
        if ratio:
            yield from _bar(server, ratio, HEAD - 8 + number * LINE)


def _x(ratio: float) -> float:
    return round(min(ratio, MOST) / MOST * BAR, 1)


def _bar(server: Server, ratio: Ratio, top: int) -> Iterator[str]:
    middle, end = top + 7, LABEL + _x(ratio.greatest) + 6
    name = escape(server.name)
    yield f'<text x="{LABEL - 8}" y="{top + 11}" text-anchor="end">{name}</text>'
    place = f'x="{LABEL}" y="{top}" width="{_x(ratio.median)}" height="13"'
    yield f'<rect class="{server.kind}" {place}/>'
    if ratio.greatest > ratio.least:
        ends = f'x1="{LABEL + _x(ratio.least)}" x2="{LABEL + _x(ratio.greatest)}"'
        yield f'<line class="spread" {ends} y1="{middle}" y2="{middle}"/>'
    yield f'<text x="{end}" y="{top + 11}">{ratio.median:.2f}</text>'
