"""The uses of Redis beside the channel layer."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from channels_bridge.migrate.model.migrate_options import MigrateOptions
from channels_bridge.migrate.model.project import Project
from channels_bridge.migrate.model.python_file import PythonFile
from channels_bridge.migrate.model.rule import Finder, Finding
from channels_bridge.migrate.places.yaml_file import get, scalar
from channels_bridge.migrate.topology.containers import services_of
from channels_bridge.migrate.topology.topology_rules import CB306

_REDIS = re.compile(r"redis|valkey|celery|broker", re.IGNORECASE)
_IMAGE = re.compile(r"(?:.*/)?(?:redis|valkey)(?:[-/:].*)?")


def find_brokers(project: Project, options: MigrateOptions) -> Iterator[Finding]:
    """Yield the services with Redis that nothing but the channel layer uses."""
    if not any(b"channels_redis" in module.file.data for module in project.python):
        return
    if any(map(_uses_redis, project.python)):
        return
    for service in services_of(project):
        if service.is_compose and _IMAGE.fullmatch(scalar(get(service.node, "image"))):
            text = f"only the channel layer uses {service.name}"
            fix = "remove it, once the layer is another one"
            yield CB306.at(service.file, service.start, text, fix=fix)


def _uses_redis(module: PythonFile) -> bool:
    """Whether a file names Redis, or a task queue, outside of CHANNEL_LAYERS."""
    layers = {
        inner
        for node in module.nodes
        if isinstance(node, ast.Assign) and "CHANNEL_LAYERS" in ast.unparse(node.targets[0])
        for inner in ast.walk(node)
    }
    return any(_names_redis(node) for node in module.nodes if node not in layers)


def _names_redis(node: ast.AST) -> bool:
    match node:
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
            texts = [module, *(alias.name for alias in names)]
        case ast.Name(id=text) | ast.Attribute(attr=text):
            texts = [text]
        case ast.Constant(value=str(text)):
            texts = [text]
        case _:
            return False
    return any(_REDIS.search(text) for text in texts if "channels_redis" not in text)


BROKER_FINDER = Finder((CB306,), find_brokers)
