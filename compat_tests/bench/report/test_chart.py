"""The chart shows what the rounds showed."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from channels_bridge.bench.report import chart
from compat_tests.bench.report.samples import results


def test_chart() -> None:
    """The chart is SVG, with a bar for each stack."""
    svg = ElementTree.fromstring(chart.draw(results()))
    bars = svg.findall("{http://www.w3.org/2000/svg}rect")
    assert [bar.get("class") for bar in bars] == ["bar", "bar ours"]
    widths = [float(bar.get("width", 0)) for bar in bars]
    assert widths[0] == pytest.approx(30 * widths[1], rel=0.01)
