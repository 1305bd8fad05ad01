"""Tables of measures, side by side and in comparison."""

from __future__ import annotations

from compat_tests.measures.table import WORSE, Row, format_columns, format_comparison


def test_worse_figures_are_marked() -> None:
    """A figure that went the wrong way is marked, and no other."""
    then = {
        row.name: row for row in [Row("a", (1, 2), "less"), Row("b", (5,), "more"), Row("c", (1,))]
    }
    now = {
        row.name: row
        for row in [Row("a", (0, 3), "less"), Row("b", (5.01,), "more"), Row("c", (9,))]
    }
    assert list(format_comparison("code", then, now, "v1")) == [
        "code  v1     today",
        f"a     1 / 2  0 / 3  {WORSE}",
        "b     5      5",
        "c     1      9",
    ]


def test_table_of_parts() -> None:
    """Parts of the code stand side by side, also where one of them lacks a measure."""
    columns = {
        "code": {"a": Row("a", (1234,)), "b": Row("b", (0.25, 1))},
        "tests": {"a": Row("a", (7,))},
    }
    assert list(format_columns(columns)) == ["   code     tests", "a  1,234    7", "b  0.2 / 1  -"]
