"""The report says what the rounds showed."""

import json

from channels_bridge.bench import report
from channels_bridge.bench.load import Counts
from channels_bridge.bench.measure import Round
from channels_bridge.bench.scenarios import SCENARIOS


def rounds(*cpu_us: float) -> list[Round]:
    """Rounds of 1,000 deliveries in two seconds."""
    counts = Counts(expected=1200, delivered=1199, measured_seconds=2, measured_deliveries=1000)
    return [Round(counts, value) for value in cpu_us]


def test_table() -> None:
    """Figures are medians with the least and greatest, counts are totals."""
    header, _, row = report.table({"slow": rounds(30, 10, 20)}).splitlines()
    cells = dict(zip(header.split("|"), row.split("|"), strict=True))
    cells = {name.strip(): cell.strip() for name, cell in cells.items()}
    assert cells["stack"] == "slow"
    assert cells["deliveries/s"] == "500 (500-500)"
    assert cells["CPU us/delivery"] == "20.0 (10.0-30.0)"
    assert (cells["expected"], cells["delivered"]) == ("3,600", "3,597")


def test_ratios() -> None:
    """Each stack's CPU time is compared to the least."""
    lines = report.ratios({"slow": rounds(300), "fast": rounds(20)})
    assert lines == ["CPU per delivery: slow is 15.0 times fast"]


def test_json() -> None:
    """Every round's figures are there, with what they belong to."""
    told = json.loads(report.as_json({"python": "3"}, SCENARIOS["fanout"], {"a": rounds(1, 2)}))
    assert told["python"] == "3"
    assert told["scenario"]["connections"] == 200
    assert [round["cpu_us"] for round in told["rounds"]["a"]] == [1, 2]
