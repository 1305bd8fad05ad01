"""``python -m compat_tests.autobahn PYTHON2 DIRECTORY [CASE ...]``: the Autobahn test suite.

The same cases run against our engine and against an echo server of bare ``websockets``: none may
fail with us that doesn't fail there. ``autobahntestsuite`` needs PYTHON2, a Python 2.7, and is
found in DIRECTORY, where ``pip install --target`` has put it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any, TypeAlias

from compat_tests.servers import REPOSITORY, Server, engine, running

OURS = "channels_bridge"
BARE = "websockets"
PASSED = {"OK", "NON-STRICT", "INFORMATIONAL", "UNIMPLEMENTED"}

MAX_SIZE = 2**25  # the suite sends messages of 16 MiB
SECONDS = 3 * 3600  # for all cases of both servers; they take 20 to 50 minutes on two cores


# ``--target`` isn't a site directory by itself: namespace packages need its .pth files.
WSTEST = """
import site, sys
site.addsitedir(sys.argv.pop(1))
from autobahntestsuite.wstest import run
sys.exit(run())
"""


#: Each case's outcomes, by name and agent.
Case: TypeAlias = dict[str, Any]
Results: TypeAlias = dict[str, dict[str, Case]]


def main(python2: str, site: str, *patterns: str) -> int:
    """Run the cases that the patterns name, all by default. Returns the exit code."""
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        servers = {
            OURS: stack.enter_context(
                engine("127.0.0.1:0", "echo", 1, f"max_message_size={MAX_SIZE}")
            ),
            BARE: stack.enter_context(bare()),
        }
        wstest = [python2, "-c", WSTEST, site]
        results = run_suite(wstest, Path(directory), servers, patterns or ("*",))
        if doubtful := failed_only_with_us(results):
            # The suite has deadlines of its own, which a busy machine may miss.
            print(f"once more: {', '.join(doubtful)}")
            for agent, cases in run_suite(wstest, Path(directory), servers, doubtful).items():
                results[agent].update(cases)
    return report(results)


def bare() -> AbstractContextManager[Server]:
    command = [sys.executable, "-m", "compat_tests.autobahn.bare", str(MAX_SIZE)]
    return running(command, REPOSITORY, re.compile(r"Listening at (\S+)"))


def run_suite(
    wstest: list[str], directory: Path, servers: dict[str, Server], patterns: Sequence[str]
) -> Results:
    """Run the fuzzing client, which works in the directory. Returns cases by agent and name."""
    spec = {
        "outdir": str(directory),
        "servers": [
            {"agent": agent, "url": f"ws://{server.address}"} for agent, server in servers.items()
        ],
        "cases": list(patterns),
        "exclude-cases": [],
        "exclude-agent-cases": {},
    }
    path = directory / "spec.json"
    path.write_text(json.dumps(spec))
    command = [*wstest, "-m", "fuzzingclient", "-s", str(path)]
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    with (directory / "wstest.log").open("w") as log:
        subprocess.run(command, env=env, cwd=directory, check=True, timeout=SECONDS, stdout=log)
    return json.loads((directory / "index.json").read_text())


def report(results: Results) -> int:
    """Print the counts, and which cases fail. Returns the exit code."""
    for agent, cases in results.items():
        counts = Counter(case["behavior"] for case in cases.values())
        print(f"{agent}: {sum(counts.values())} cases: {dict(counts.most_common())}")
        for name, case in cases.items():
            if failed(case):
                print(f"  {name}: {case}")
    new = failed_only_with_us(results)
    print(f"failed with {OURS}, and not with bare {BARE}: {', '.join(new) or 'none'}")
    return 1 if new or not results[OURS] else 0


def failed_only_with_us(results: Results) -> list[str]:
    ours, bare = results[OURS], results[BARE]
    return [name for name in ours if failed(ours[name]) and not failed(bare[name])]


def failed(case: Case) -> bool:
    return not {case["behavior"], case["behaviorClose"]} <= PASSED


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
