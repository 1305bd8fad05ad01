"""A bar chart of the main figures, as SVG."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from channels_bridge.bench.loads.scenarios import BRIDGE
from channels_bridge.bench.report.results import Results, Row

WIDTH = 800
#: Where bars begin, right of their labels.
LABEL = 230
#: Length of the longest bar.
BAR = 440
LINE = 22
GAP = 34
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.title { font-weight: 600 }
.bar { fill: #9aa4af }
.ours { fill: #2f81f7 }
.floor { fill: none; stroke: #9aa4af }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .bar { fill: #6e7681 }
}
"""


@dataclass(frozen=True)
class Panel:
    """A few bars.

    Args:
        scenario: whose rows they are.
        case: of them, these.
        figure: how long they are.
        title: what that is.
    """

    scenario: str
    case: str
    figure: str
    title: str

    def rows(self, results: Results) -> list[Row]:
        """Its rows, the longest bar first."""
        rows = [row for row in results.of(self.scenario) if row.case == self.case]
        rows = [row for row in rows if row.median(self.figure) is not None]
        return sorted(rows, key=lambda row: -(row.median(self.figure) or 0))


PANELS = (
    Panel("app", "", "cpu_us", "CPU time of a delivery, us"),
    Panel("fanout", "", "cpu_us", "A group message: CPU time of a delivery, us"),
    Panel("many-groups", "500 groups of 1", "cpu_us", "500 groups: CPU time of a delivery, us"),
    Panel("echo", "", "cpu_us", "Echo: CPU time of a message, us"),
    Panel(
        "connect",
        "a session's user",
        "cpu_us",
        "A new connection with a session's user: CPU time, us",
    ),
    Panel("idle", "permessage-deflate offered", "kib", "An idle connection: memory, KiB"),
)


def draw(results: Results) -> str:
    """The panels that were measured, one below the other."""
    panels = [(panel, rows) for panel in PANELS if (rows := panel.rows(results))]
    height = sum(GAP + LINE * len(rows) for _, rows in panels) + GAP // 2
    svg = Element(
        "svg", xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {WIDTH} {height}", role="img"
    )
    SubElement(svg, "title").text = "What servers need for the same work; less is better"
    SubElement(svg, "style").text = STYLE
    top = 0
    for panel, rows in panels:
        for element in bars(panel, rows, top):
            svg.append(element)
        top += GAP + LINE * len(rows)
    indent(svg)
    return tostring(svg, encoding="unicode") + "\n"


def bars(panel: Panel, rows: Sequence[Row], top: int) -> Iterator[Element]:
    """A title, and for each row its name, a bar and the figure."""
    yield text(panel.title, LABEL, top + GAP - 8, **{"class": "title"})
    longest = max(row.median(panel.figure) or 0 for row in rows) or 1
    for number, row in enumerate(rows):
        value = row.median(panel.figure) or 0
        y = top + GAP + number * LINE
        length = max(value / longest * BAR, 1)
        yield text(row.stack, LABEL - 8, y + 15, **{"text-anchor": "end"})
        yield bar(kind(row), y, length)
        yield text(f"{value:,.1f}", LABEL + length + 6, y + 15)


def bar(kind: str, y: int, length: float) -> Element:
    """A rectangle of this length, in the line that begins at ``y``."""
    box = {"x": LABEL, "y": y + 3, "width": round(length, 1), "height": LINE - 6, "rx": 2}
    return Element("rect", {"class": kind, **{name: str(part) for name, part in box.items()}})


def kind(row: Row) -> str:
    """The classes of a bar, by whose it is."""
    if row.stack.startswith(BRIDGE):
        return "bar ours"
    return "bar floor" if row.stack.startswith("picows") else "bar"


def text(words: str, x: float, y: float, **attributes: str) -> Element:
    """A label."""
    element = Element("text", {"x": f"{x:g}", "y": f"{y:g}", **attributes})
    element.text = words
    return element
