"""Containers that compose files and Kubernetes' manifests run, and how many of each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from channels_bridge.migrate.commands.invocation import find_invocation
from channels_bridge.migrate.model.migrate_options import MigrateOptions
from channels_bridge.migrate.model.project import Project
from channels_bridge.migrate.model.rule import Finder, Finding, Severity
from channels_bridge.migrate.model.source_file import SourceFile
from channels_bridge.migrate.places.starts import lines_of
from channels_bridge.migrate.places.yaml_file import (
    CannotRead,
    can_read,
    compose,
    get,
    items,
    pairs,
    scalar,
)
from channels_bridge.migrate.topology.senders import Sender, has_address, senders_of
from channels_bridge.migrate.topology.topology_rules import CB301, CB302

if TYPE_CHECKING:
    from ruamel.yaml.nodes import Node

#: What a container runs that takes tasks.
WORKERS = re.compile(
    r"\bcelery|\brqworker\b|\bqcluster\b|\brun_huey\b|\bdramatiq\b|\brundramatiq\b"
)
#: What reads channels of its own from the layer, and so needs it whatever else sends.
_READERS = re.compile(r"\brunworker\b")
_BEAT = re.compile(r"beat|flower")
#: What serves a project's pages beside the server, as a rule under WSGI.
_PAGES = re.compile(r"\b(?:gunicorn|uwsgi|waitress-serve)\b")

ADDRESS = (
    'on one machine "CONFIG": {"address": "unix:/run/mysite/groups.sock"}, on a volume that both\n'
    "mount; on several channels_bridge.layers.NatsChannelLayer, or keep channels_redis"
)


@dataclass(frozen=True)
class Service:
    """A container that is run.

    Attributes:
        file: that says so.
        name: of the service, or of the deployment.
        node: of the service; of a deployment, the container.
        start: where it begins.
        copies: how many of it are run.
        command: what it runs, as text; empty where its image says it.
        is_compose: whether it is a compose file's.
    """

    file: SourceFile
    name: str
    node: Node
    start: int
    copies: int
    command: str
    is_compose: bool


def services_of(project: Project) -> Iterator[Service]:
    """Yield what all compose files and manifests run."""
    if not can_read:
        return
    for file in project.files("*.yml", "*.yaml"):
        is_compose = "services:" in file.text
        if is_compose or re.search(r"^kind:\s", file.text, re.MULTILINE):
            try:
                documents = compose(file)
            except CannotRead:
                continue
            for document in documents:
                yield from (_composed if is_compose else _deployed)(file, document)


def _composed(file: SourceFile, document: Node) -> Iterator[Service]:
    for name, node in pairs(get(document, "services")):
        command = " ".join(
            [text_of(get(node, "entrypoint")), text_of(get(node, "command"))]
        ).strip()
        copies = scalar(get(node, "deploy", "replicas")) or scalar(get(node, "scale"))
        yield Service(file, name, node, _start(node), _number(copies), command, True)


def _deployed(file: SourceFile, document: Node) -> Iterator[Service]:
    if scalar(get(document, "kind")) not in ("Deployment", "StatefulSet", "ReplicaSet"):
        return
    copies = _number(scalar(get(document, "spec", "replicas")))
    for node in items(get(document, "spec", "template", "spec", "containers")):
        command = " ".join([text_of(get(node, "command")), text_of(get(node, "args"))]).strip()
        name = scalar(get(document, "metadata", "name")) or scalar(get(node, "name"))
        yield Service(file, name, node, _start(node), copies, command, False)


def text_of(node: Node | None) -> str:
    """Return a scalar's text, or that of a list's scalars."""
    return scalar(node) or " ".join(map(scalar, items(node)))


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 1


def _start(node: Node) -> int:
    return int(node.start_mark.index)


class Containers:
    """The containers of a project, and which of them run the server."""

    def __init__(self, project: Project) -> None:
        self.services = list(services_of(project))
        self._starts = [
            line
            for line in lines_of(project)
            if line.is_ours or find_invocation(line.command.words) is not None
        ]
        self._image_serves = any(
            line.place.kind in ("Dockerfile CMD", "Dockerfile ENTRYPOINT") for line in self._starts
        )

    def serves(self, service: Service) -> bool:
        """Whether a container runs the server, by its own command or by its image's."""
        if not service.command:
            built = get(service.node, "build") is not None or not service.is_compose
            return built and self._image_serves and self._is_alone(service)
        end = service.node.end_mark.index
        return any(
            line.file.path == service.file.path and service.start <= line.offset < end
            for line in self._starts
        )

    def _is_alone(self, service: Service) -> bool:
        """Whether it is the only one of its file that runs what an image says."""
        others = [one for one in self.services if one.file is service.file and not one.command]
        built = [one for one in others if get(one.node, "build") is not None]
        return len(built) == 1 if service.is_compose else len(others) == 1


def find_containers(project: Project, options: MigrateOptions) -> Iterator[Finding]:
    """Yield what keeps containers from reaching each other's groups."""
    if has_address(project):
        return
    containers = Containers(project)
    yield from _workers(project, containers)
    yield from _copies(containers)


def _workers(project: Project, containers: Containers) -> Iterator[Finding]:
    for service in containers.services:
        if _READERS.search(service.command):
            text = f"{service.name} reads from the layer, and is a container of its own"
            yield CB301.at(service.file, service.start, text, fix=ADDRESS)
    senders = senders_of(project)
    for service in containers.services:
        sender = _sender_in(service, senders)
        if sender is not None and not containers.serves(service):
            what = (
                "a task or command sends" if sender.is_task else "code outside of consumers sends"
            )
            text = f"{what} to groups ({sender}), and {service.name} is a container of its own"
            severity = None if sender.is_task else Severity.WARNING
            yield CB301.at(service.file, service.start, text, fix=ADDRESS, severity=severity)


def _sender_in(service: Service, senders: Sequence[Sender]) -> Sender | None:
    """Return a call that a container comes to: any of them in a queue, a view's under WSGI."""
    if WORKERS.search(service.command) and not _BEAT.search(service.command):
        return senders[0] if senders else None
    if _PAGES.search(service.command):
        return next((sender for sender in senders if not sender.is_task), None)
    return None


def _copies(containers: Containers) -> Iterator[Finding]:
    serving = list(filter(containers.serves, containers.services))
    for service in serving:
        if service.copies > 1:
            text = f"{service.copies} containers of {service.name} run the server"
            yield CB302.at(service.file, service.start, text, fix=_ONE)
        same = [
            one for one in serving if one.file is service.file and get(one.node, "profiles") is None
        ]
        if len(same) > 1 and service is same[-1] and service.is_compose:
            names = ", ".join(one.name for one in same)
            text = f"the server runs in {len(same)} containers: {names}"
            yield CB302.at(service.file, service.start, text, fix=_ONE)


_ONE = "one container with -w N; or channels_bridge.layers.NatsChannelLayer; or keep channels_redis"


CONTAINER_FINDER = Finder((CB301, CB302), find_containers)
