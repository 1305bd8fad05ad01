"""Units of systemd, and what they could say of the server that they start."""

from __future__ import annotations

from collections.abc import Iterator

from channels_bridge.migrate.commands.invocation import find_invocation
from channels_bridge.migrate.model.migrate_options import MigrateOptions
from channels_bridge.migrate.model.project import Project
from channels_bridge.migrate.model.rule import Finder, Finding
from channels_bridge.migrate.places.ini_file import UNIT, entries
from channels_bridge.migrate.places.starts import lines_of
from channels_bridge.migrate.starting.start_rules import CB211

#: What a unit should have, and the lines that say so.
_LINES = {
    "Type": ("notify", "notify-reload"),
    "KillMode": ("mixed",),
    "TimeoutStopSec": ("60",),
    "ExecReload": ("/bin/kill -HUP $MAINPID",),
    "LimitNOFILE": ("65536",),
}


def find_units(project: Project, options: MigrateOptions) -> Iterator[Finding]:
    """Yield each unit that starts the server, or another one that becomes it, and lacks lines."""
    for line in lines_of(project):
        if line.place.kind != UNIT or not (line.is_ours or find_invocation(line.command.words)):
            continue
        service = [entry for entry in entries(line.file) if entry.section == "Service"]
        has = {entry.name: entry.value.value.strip() for entry in service}
        lacks = [name for name, values in _LINES.items() if not _is_said(name, values, has)]
        if lacks:
            text = f"the unit could have {', '.join(lacks)}"
            fix = "\n".join(f"{name}={_LINES[name][0]}" for name in lacks)
            yield CB211.at(line.file, line.offset, text, fix=fix)


def _is_said(name: str, values: tuple[str, ...], has: dict[str, str]) -> bool:
    if name == "ExecReload" and has.get("Type") == "notify-reload":
        return True
    return has.get(name) in values if name in ("Type", "KillMode") else name in has


UNIT_FINDER = Finder((CB211,), find_units)
