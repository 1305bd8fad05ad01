"""CHANNEL_LAYERS as it is written: literals, and what is no literal."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from channels_bridge.migrate.model.project import Project
from channels_bridge.migrate.model.python_file import Assignment, PythonFile
from channels_bridge.migrate.python.settings_modules import (
    assignments,
    is_conditional,
    settings_modules,
)

LAYERS = "CHANNEL_LAYERS"

#: Of channels_redis.
REDIS_BACKENDS = (
    "channels_redis.core.RedisChannelLayer",
    "channels_redis.pubsub.RedisPubSubChannelLayer",
)
IN_MEMORY = "channels.layers.InMemoryChannelLayer"

_LOOPBACK = re.compile(
    r"(rediss?://)?([^@/]*@)?(localhost|127(\.\d+){3}|\[?::1\]?)(:\d+)?(/.*)?|unix://.*", re.ASCII
)


@dataclass(frozen=True)
class LayerSetting:
    """One alias of a CHANNEL_LAYERS that is written as a literal.

    Attributes:
        module: the settings module.
        reached: whether manage.py or asgi.py lead to it.
        alias: the key, usually ``default``.
        literal: the alias' dict.
        backend: the value of BACKEND; None where there is none.
        config: that of CONFIG; None where there is none.
        conditional: whether the assignment is not executed whenever the module is imported.
        alone: whether it is the only alias.
    """

    module: PythonFile
    reached: bool
    alias: str
    literal: ast.Dict
    backend: ast.expr | None
    config: ast.expr | None
    conditional: bool
    alone: bool

    @property
    def backend_name(self) -> str | None:
        """BACKEND, if it is a string."""
        match self.backend:
            case ast.Constant(value=str(name)):
                return name
        return None

    def config_key(self, name: str) -> ast.expr | None:
        """Return a key of a CONFIG that is a literal."""
        return find_key(self.config, name) if isinstance(self.config, ast.Dict) else None

    def is_local(self) -> bool:
        """Whether Redis is certain to be on this machine: literal hosts, or none."""
        if self.config is None:
            return True
        if not isinstance(self.config, ast.Dict) or None in self.config.keys:
            return False
        key = find_key(self.config, "hosts")
        return key is None or _all_local(self.config.values[self.config.keys.index(key)])


def layer_settings(
    project: Project,
) -> tuple[list[LayerSetting], list[tuple[PythonFile, ast.stmt]]]:
    """Return all aliases that are literals, and the statements that make others.

    Settings for tests are left out, unless manage.py or asgi.py lead to them.
    """
    found: list[LayerSetting] = []
    others: list[tuple[PythonFile, ast.stmt]] = []
    for one in settings_modules(project):
        if one.reached or not one.is_test:
            for statement in assignments(one.module, LAYERS):
                literals = list(_aliases(one.module, statement, one.reached))
                found += literals
                if not literals:
                    others.append((one.module, statement))
    return found, others


def other_uses(project: Project) -> Iterator[tuple[PythonFile, ast.expr]]:
    """Yield where CHANNEL_LAYERS is read or changed in place, in tests too."""
    for module in project.python:
        for node in module.nodes:
            match node:
                case ast.Name(id="CHANNEL_LAYERS", ctx=ast.Load()):
                    yield module, node
                case ast.Attribute(attr="CHANNEL_LAYERS", ctx=ast.Load()):
                    yield module, node


def find_key(literal: ast.Dict, name: str) -> ast.expr | None:
    """Return a key of a dict."""
    for key in literal.keys:
        if isinstance(key, ast.Constant) and key.value == name:
            return key
    return None


def find_value(literal: ast.Dict, name: str) -> ast.expr | None:
    """Return the value of a key."""
    key = find_key(literal, name)
    return None if key is None else literal.values[literal.keys.index(key)]


def _aliases(module: PythonFile, statement: Assignment, reached: bool) -> Iterator[LayerSetting]:
    value = statement.value
    if not isinstance(value, ast.Dict) or isinstance(statement, ast.AugAssign):
        return
    pairs = zip(value.keys, value.values, strict=True)
    literals = [(key, one) for key, one in pairs if _is_alias(key) and isinstance(one, ast.Dict)]
    if len(literals) == len(value.keys):
        for key, one in literals:
            assert isinstance(key, ast.Constant) and isinstance(one, ast.Dict)
            yield LayerSetting(
                module,
                reached,
                str(key.value),
                one,
                find_value(one, "BACKEND"),
                find_value(one, "CONFIG"),
                is_conditional(module, statement),
                len(literals) == 1,
            )


def _is_alias(key: ast.expr | None) -> bool:
    return isinstance(key, ast.Constant) and isinstance(key.value, str)


def _all_local(hosts: ast.expr) -> bool:
    """Whether all hosts are literals that lead to this machine."""
    if not isinstance(hosts, ast.List | ast.Tuple):
        return False
    return bool(hosts.elts) and all(map(_is_local_host, hosts.elts))


def _is_local_host(host: ast.expr) -> bool:
    match host:
        case ast.Constant(value=str(text)):
            return _LOOPBACK.fullmatch(text) is not None
        case ast.Tuple(elts=[ast.Constant(value=str(text)), *_]):
            return _LOOPBACK.fullmatch(text) is not None
        case ast.Dict():
            address = find_value(host, "address") or find_value(host, "host")
            return address is not None and _is_local_host(address)
    return False
