"""Procfiles of platforms that run each of their processes on a machine of its own."""

from __future__ import annotations

from collections.abc import Iterator

from channels_bridge.migrate.commands.invocation import find_invocation
from channels_bridge.migrate.model.migrate_options import MigrateOptions
from channels_bridge.migrate.model.project import Project
from channels_bridge.migrate.model.rule import Finder, Finding
from channels_bridge.migrate.places.shell_file import in_procfile
from channels_bridge.migrate.places.starts import lines_in
from channels_bridge.migrate.topology.containers import WORKERS
from channels_bridge.migrate.topology.senders import has_address, senders_of
from channels_bridge.migrate.topology.topology_rules import CB304

#: Files that say that a platform reads the Procfile, not a developer's tool.
_PLATFORM = ("app.json", "heroku.yml", "runtime.txt")


def find_process_lines(project: Project, options: MigrateOptions) -> Iterator[Finding]:
    """Yield the lines of a Procfile that send to groups beside the web process."""
    on_platform = any(path.rpartition("/")[2] in _PLATFORM for path in project.paths)
    senders = senders_of(project) if on_platform and not has_address(project) else []
    if not senders:
        return
    for file in project.files("Procfile"):
        lines = [line for place in in_procfile(file) for line in lines_in(file, place)]
        serves = any(line.is_ours or find_invocation(line.command.words) for line in lines)
        for line in lines:
            words = " ".join(word.text.value for word in line.command.words)
            if serves and WORKERS.search(words):
                text = (
                    f"`{line.place.owner}` runs apart from the server; {senders[0]} sends to groups"
                )
                fix = "keep channels_redis, or use channels_bridge.layers.NatsChannelLayer"
                yield CB304.at(file, line.offset, text, fix=fix)


PROCFILE_FINDER = Finder((CB304,), find_process_lines)
