"""Instructions of the processor for each delivery: ``python -m compat_tests.bench.instructions``.

Time varies with the machine; what a program does, does not. ``delivering`` runs under valgrind
twice, for few messages and for many: the difference is what the deliveries take. With ``--against
REVISION`` the same is counted there, and the ratio is that of history which is configured nowhere.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from argparse import ArgumentParser
from pathlib import Path

from channels_bridge.bench.report.tables import markdown
from compat_tests.bench import revisions
from compat_tests.bench.delivering import MEMBERS
from compat_tests.measures.revision import UnknownRevision

PROGRAM = "python -m compat_tests.bench.instructions"
SCRIPT = Path(__file__).with_name("delivering.py")
VALGRIND = ("valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null")
COUNT = re.compile(r"I\s+refs:\s+([\d,]+)")

#: What is counted beside that without history, and with which kind it is compared.
KINDS = {
    "on": ("with history, one process", "off"),
    "shared": ("without history, the handler runs once for all", "off"),
    "hub": ("the same, in a worker beside a hub", "off"),
    "hub-history": ("and with history", "hub"),
    "cross": ("half of the members in another worker, without history", "off"),
    "cross-history": ("and with history", "cross"),
}

# Messages: what starting takes is in both, and caches are filled after the first of them.
FEW, MANY = 200, 1_200


def main() -> None:
    """Count, and print a table."""
    options = parser().parse_args()
    if shutil.which(VALGRIND[0]) is None:
        sys.exit("valgrind is not installed")
    off = per_delivery(revisions.REPOSITORY, "off")
    counted = {"off": off}
    rows = [["", "instructions/delivery", "ratio", "more/message"]]
    rows.append(row("without history", off, off))
    if not options.off:
        for kind, (what, base) in KINDS.items():
            counted[kind] = per_delivery(revisions.REPOSITORY, kind)
            rows.append(row(what, counted[kind], counted[base]))
    if options.against:
        with revisions.checkout(options.against) as directory:
            before = per_delivery(directory, "off")
        rows.append(row(f"at {options.against}", before, off))
    print(markdown(rows))


def row(what: str, figure: float, base: float) -> list[str]:
    """A line of the table."""
    more = (figure - base) * MEMBERS
    return [what, f"{figure:,.0f}", f"{figure / base:.3f}", f"{more:,.0f}"]


def parser() -> ArgumentParser:
    """The command line."""
    parser = ArgumentParser(prog=PROGRAM, description=__doc__)
    parser.add_argument("--against", metavar="REVISION", type=known, help="count there as well")
    parser.add_argument("--off", action="store_true", help="without history alone")
    return parser


def known(revision: str) -> str:
    """The commit that is meant."""
    try:
        return revisions.commit(revision)
    except UnknownRevision as error:
        raise ValueError(revision) from error


def per_delivery(directory: Path, kind: str) -> float:
    """Instructions for one member's copy of a message, in the package of a directory."""
    few, many = (count(directory, rounds, kind) for rounds in (FEW, MANY))
    return (many - few) / (MANY - FEW) / MEMBERS


def count(directory: Path, rounds: int, kind: str) -> int:
    """Instructions of a whole run."""
    command = [*VALGRIND, sys.executable, str(SCRIPT), str(rounds), kind]
    env = {**os.environ, "PYTHONPATH": str(directory), "PYTHONHASHSEED": "0"}
    env.pop("DJANGO_SETTINGS_MODULE", None)
    done = subprocess.run(command, env=env, cwd=directory, capture_output=True, text=True)
    found = COUNT.search(done.stderr)
    if done.returncode or found is None:
        sys.exit(done.stderr)
    return int(found[1].replace(",", ""))


if __name__ == "__main__":
    main()
