"""How methods are shown."""

from __future__ import annotations

from twisted_rpc.cli.discovery import MethodInfo, as_table


def test_a_column_that_would_be_empty_is_left_out() -> None:
    silent = [MethodInfo("a"), MethodInfo("b", ["x", "y"])]
    assert as_table(silent) == (["method"], [["a"], ["b(x, y)"]])
    assert as_table([*silent, MethodInfo("c", [], "Counts.")]) == (
        ["method", "what it does"],
        [["a", ""], ["b(x, y)", ""], ["c()", "Counts."]],
    )


def test_what_is_deprecated_says_so() -> None:
    old = [
        MethodInfo("a", [], "Adds.", "use b"),
        MethodInfo("b", [], None, "use c"),
        MethodInfo("c", [], None, ""),
    ]
    _, rows = as_table(old)
    assert [row[1] for row in rows] == [
        "Adds. (deprecated: use b)",
        "deprecated: use c",
        "deprecated",
    ]
