"""Units of systemd whose users, or whose /tmp, keep them apart from the server's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from channels_bridge.migrate.commands.invocation import find_invocation
from channels_bridge.migrate.model.migrate_options import MigrateOptions
from channels_bridge.migrate.model.project import Project
from channels_bridge.migrate.model.rule import Finder, Finding
from channels_bridge.migrate.model.source_file import SourceFile
from channels_bridge.migrate.places.ini_file import Entry, entries
from channels_bridge.migrate.places.starts import lines_of
from channels_bridge.migrate.places.yaml_file import get, items, scalar
from channels_bridge.migrate.topology.containers import WORKERS, Containers, Service, text_of
from channels_bridge.migrate.topology.senders import has_address, senders_of
from channels_bridge.migrate.topology.topology_rules import CB303


@dataclass(frozen=True)
class Unit:
    """A service of systemd, by its values."""

    file: SourceFile
    values: dict[str, Entry]

    def value(self, name: str) -> str:
        """Return a value; empty where it is not set."""
        return self.values[name].value.value.strip() if name in self.values else ""

    def offset(self, name: str) -> int:
        """Return where a value stands."""
        return self.values[name].start


def find_isolation(project: Project, options: MigrateOptions) -> Iterator[Finding]:
    """Yield what keeps processes of one machine apart that have groups in common."""
    if has_address(project):
        return
    containers = Containers(project)
    for service in filter(containers.serves, containers.services):
        yield from _read_only(service)
    if not senders_of(project):
        return
    units = [_unit(file) for file in project.files("*.service")]
    served = {
        line.file.path
        for line in lines_of(project)
        if line.is_ours or find_invocation(line.command.words)
    }
    servers = [unit for unit in units if unit.file.path in served]
    workers = [unit for unit in units if WORKERS.search(unit.value("ExecStart"))]
    for worker in workers:
        yield from _other_user(worker, servers)
    for unit in (*servers, *workers) if workers and servers else ():
        yield from _private_tmp(unit)


def _read_only(service: Service) -> Iterator[Finding]:
    read_only = scalar(get(service.node, "read_only")) or scalar(
        get(service.node, "securityContext", "readOnlyRootFilesystem")
    )
    mounts = [
        text_of(node) for key in ("tmpfs", "volumes") for node in items(get(service.node, key))
    ]
    mounts += [scalar(get(node, "mountPath")) for node in items(get(service.node, "volumeMounts"))]
    mounts.append(scalar(get(service.node, "tmpfs")))
    if read_only == "true" and not any("/tmp" in mount for mount in mounts):
        text = f"the file system of {service.name} is read-only, /tmp too"
        fix = "a tmpfs or an emptyDir at /tmp"
        yield CB303.at(service.file, service.start, text, fix=fix)


def _unit(file: SourceFile) -> Unit:
    values = {entry.name: entry for entry in entries(file) if entry.section == "Service"}
    return Unit(file, values)


def _other_user(worker: Unit, servers: list[Unit]) -> Iterator[Finding]:
    for server in servers:
        ours, theirs = server.value("User"), worker.value("User")
        if ours and theirs and ours != theirs:
            text = f"this unit runs as {theirs}, the server of {server.file.path} as {ours}"
            fix = f"User={ours} here, or keep channels_redis"
            yield CB303.at(worker.file, worker.offset("User"), text, fix=fix)
            return


def _private_tmp(unit: Unit) -> Iterator[Finding]:
    if unit.value("PrivateTmp").lower() in ("yes", "true", "1", "on"):
        text = "the unit has a /tmp of its own, and groups are joined in /tmp"
        fix = (
            'RuntimeDirectory=mysite in the server\'s unit, and "CONFIG": {"address": '
            '"unix:/run/mysite/groups.sock"}'
        )
        yield CB303.at(unit.file, unit.offset("PrivateTmp"), text, fix=fix)


ISOLATION_FINDER = Finder((CB303,), find_isolation)
