"""`python -m channels_bridge.bench` measures all its stacks."""

import json
import subprocess
import sys
from pathlib import Path

from channels_bridge.bench.stacks import STACKS
from compat_tests.servers import environment


def test_fanout(tmp_path: Path) -> None:
    """On each stack every message is delivered once, in order, and takes CPU time."""
    result = tmp_path / "result.json"
    command = [sys.executable, "-m", "channels_bridge.bench", "--rounds=1", f"--json={result}"]
    command += ["--warmup=0.5", "--seconds=1"]
    run = subprocess.run(command, env=environment({}), capture_output=True, text=True, timeout=100)
    assert run.returncode == 0, run.stderr
    assert "CPU per delivery: daphne+redis is" in run.stdout
    rounds = json.loads(result.read_text())["rounds"]
    assert list(rounds) == list(STACKS)
    for (round,) in rounds.values():
        assert round["delivered"] == round["expected"] > 0
        assert (round["duplicated"], round["out_of_order"], round["connections_lost"]) == (0, 0, 0)
        assert round["cpu_us"] > 0
