"""What a small server takes, process by process: ``python -m compat_tests.bench.memory``.

The chat of ``examples`` is served by one worker and by four, and by Daphne with Redis. Of each
process it is the proportional set size: its own memory, and its part of what it shares. It is read
once a page has been served and all processes have come to rest.

Bytecode is made first, as pip does when it installs; ``--no-bytecode`` leaves that to each start,
as in images that are built with ``PYTHONDONTWRITEBYTECODE``.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from channels_bridge.bench.report.tables import markdown
from channels_bridge.bench.stacks.channel_layers import CORE, OWN
from channels_bridge.bench.stacks.processes import memory
from channels_bridge.bench.stacks.servers import PEERS, websockets_server
from channels_bridge.bench.stacks.sites import Site
from channels_bridge.bench.stacks.stack import Stack
from compat_tests.bench import revisions

PROGRAM = "python -m compat_tests.bench.memory"
CHAT = revisions.REPOSITORY / "examples" / "chat"
MIB = 2**20

DAPHNE = next(Stack(server, CORE) for server in PEERS if server.name == "daphne")

#: What is served by what, and how much that may take in all, in MiB.
STACKS: Sequence[tuple[Stack, float | None]] = (
    (Stack(websockets_server("websockets_server -w 1", "-w 1"), OWN), 85),
    (Stack(websockets_server("websockets_server -w 4", "-w 4"), OWN), 215),
    (DAPHNE, None),
)

#: How a child of our server is named in the list of processes: its title, without its number.
TITLE = re.compile(r"websockets_server: ([a-z]+)")


@dataclass(frozen=True)
class Part:
    """A process, and what it takes in MiB."""

    name: str
    mib: float


def main() -> None:
    """Measure all stacks that are installed, and print a table."""
    parser = ArgumentParser(prog=PROGRAM, description=__doc__)
    parser.add_argument("--no-bytecode", action="store_true", help="compile at each start")
    bytecode = not parser.parse_args().no_bytecode
    rows = [["", "MiB", "", "at most"]]
    for stack, limit in STACKS:
        if missing := stack.missing():
            print(f"{stack.name}: not installed: {', '.join(missing)}", file=sys.stderr)
            continue
        rows.append(row(stack.name, measure(stack, bytecode=bytecode), limit))
    print(markdown(rows))


def measure(stack: Stack, *, bytecode: bool) -> list[Part]:
    """Serve, and see what each process takes."""
    with tempfile.TemporaryDirectory(prefix="cb-memory-") as name:
        site = chat(Path(name), bytecode=bytecode)
        if bytecode:
            with stack.serve(site, Path(name)):
                pass  # that has compiled what is needed
        with stack.serve(site, Path(name)) as running:
            return parts(running.pids)


def chat(directory: Path, *, bytecode: bool) -> Site:
    """The chat, with a database in the directory."""
    environment = {
        "CHAT_DATABASE": str(directory / "chat.sqlite3"),
        "PYTHONPATH": os.pathsep.join([str(CHAT), str(revisions.REPOSITORY)]),
        "PYTHONDONTWRITEBYTECODE": "" if bytecode else "1",
        "PYTHONPYCACHEPREFIX": str(directory / "bytecode"),
    }
    migrate = [sys.executable, "manage.py", "migrate", "-v", "0"]
    subprocess.run(migrate, cwd=CHAT, env={**os.environ, **environment}, check=True)
    return Site("chatsite.asgi:application", "chatsite.settings", environment=environment)


def parts(pids: Sequence[int]) -> list[Part]:
    """What these processes and their descendants take."""
    roots = [psutil.Process(pid) for pid in pids]
    tree = [each for root in roots for each in (root, *root.children(recursive=True))]
    return [Part(name_of(process), memory(process) / MIB) for process in tree]


def name_of(process: psutil.Process) -> str:
    """What a process is: by its title, or else by its program or the module that it runs."""
    line = process.cmdline()
    if found := TITLE.search(" ".join(line)):
        return found[1]
    if "websockets_server" in line:
        return "supervisor"  # without setproctitle it has no title
    return line[line.index("-m") + 1] if "-m" in line else Path(line[0].split()[0]).name


def row(name: str, found: Sequence[Part], limit: float | None) -> list[str]:
    """A line of the table: the sum, what is in it, and what it may be."""
    total = sum(part.mib for part in found)
    verdict = "" if limit is None else f"{limit:g}: {'reached' if total <= limit else 'MISSED'}"
    return [name, f"{total:.1f}", ", ".join(described(found)), verdict]


def described(found: Sequence[Part]) -> Iterator[str]:
    """The parts in words, those of one name together."""
    for name in dict.fromkeys(part.name for part in found):
        sizes = sorted(part.mib for part in found if part.name == name)
        yield f"{name} {' + '.join(f'{size:.1f}' for size in sizes)}"


if __name__ == "__main__":
    main()
