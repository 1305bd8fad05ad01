"""`python -m channels_bridge.bench` measures the stacks that are at hand."""

import json
import subprocess
import sys
from pathlib import Path

from channels_bridge.bench.stacks import STACKS
from compat_tests.servers import environment


def test_fanout(tmp_path: Path) -> None:
    """On each stack that can be had every message is delivered once, in order, for CPU time."""
    result = tmp_path / "result.json"
    command = [sys.executable, "-m", "channels_bridge.bench", "--rounds=1", f"--json={result}"]
    command += ["--warmup=0.5", "--seconds=1"]
    run = subprocess.run(command, env=environment({}), capture_output=True, text=True, timeout=100)
    assert run.returncode == 0, run.stderr
    rounds = json.loads(result.read_text())["rounds"]
    for name, stack in STACKS.items():
        assert name in rounds or f"{name} is skipped: {stack.missing()[0]}" in run.stdout
    for (round,) in rounds.values():
        assert round["delivered"] == round["expected"] > 0
        assert (round["duplicated"], round["out_of_order"], round["connections_lost"]) == (0, 0, 0)
        assert round["cpu_us"] > 0
