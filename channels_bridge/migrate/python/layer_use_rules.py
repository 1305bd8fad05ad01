"""CB401 to CB403: what code does with a channel layer."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from channels_bridge.common.other_layers import IN_MEMORY_ATTRIBUTES, REDIS_ATTRIBUTES
from channels_bridge.migrate.model.migrate_options import MigrateOptions
from channels_bridge.migrate.model.project import Project
from channels_bridge.migrate.model.python_file import PythonFile
from channels_bridge.migrate.model.rule import Finder, Finding, Rule, Severity
from channels_bridge.migrate.python.consumer_classes import is_layer
from channels_bridge.migrate.python.layer_settings import IN_MEMORY, layer_settings
from channels_bridge.migrate.python.settings_modules import is_test

#: What channels_redis and InMemoryChannelLayer have beside the interface of a layer.
PRIVATE = REDIS_ATTRIBUTES | IN_MEMORY_ATTRIBUTES

#: Methods whose last argument is a message.
SENDING = ("send", "group_send", "send_many", "group_send_many")

#: Calls whose outcome MessagePack has no form for.
_UNSERIALISABLE = {
    "datetime.date.today": "a date",
    "datetime.datetime.now": "a datetime",
    "datetime.datetime.today": "a datetime",
    "datetime.datetime.utcnow": "a datetime",
    "datetime.timedelta": "a timedelta",
    "decimal.Decimal": "a Decimal",
    "django.utils.timezone.localtime": "a datetime",
    "django.utils.timezone.now": "a datetime",
    "django.utils.translation.gettext_lazy": "a lazy string",
    "set": "a set",
    "uuid.uuid1": "a UUID",
    "uuid.uuid4": "a UUID",
}

CB401 = Rule(
    "CB401",
    Severity.ERROR,
    "code uses private parts of a channel layer",
    "Only channels_redis or InMemoryChannelLayer has them; a layer of this package raises an "
    "AttributeError that says so. group_sizes() and statistics() say how large groups are; for "
    "the Redis server of channels_redis, code needs a connection of its own.",
    "README.md#what-may-have-to-change-in-code",
)
CB402 = Rule(
    "CB402",
    Severity.ADVICE,
    "code imports channels_redis",
    "The import works as long as channels_redis is installed. A layer that derives from one of its "
    "classes keeps Redis; such a layer works under this server as it is.",
    "settings.md#channel_layers",
)
CB403 = Rule(
    "CB403",
    Severity.ADVICE,
    "a message has what cannot be serialised",
    "Messages are MessagePack, as in channels_redis: anything but dicts, lists, strings, bytes, "
    "numbers, booleans and None is an error at the sender. InMemoryChannelLayer takes anything.",
    "settings.md#what-a-message-may-hold",
)


def find(project: Project, options: MigrateOptions) -> Iterator[Finding]:
    """Look at every use of a channel layer."""
    layers, _ = layer_settings(project)
    in_memory = any(one.backend_name == IN_MEMORY and one.reached for one in layers)
    for module in project.python:
        yield from _find_imports(module)
        for node in module.nodes:
            if isinstance(node, ast.Attribute) and is_layer(module, node.value):
                yield from _find_private(module, node)
                yield from _find_messages(module, node, in_memory)


def _find_private(module: PythonFile, node: ast.Attribute) -> Iterator[Finding]:
    if node.attr in PRIVATE:
        counts = node.attr in IN_MEMORY_ATTRIBUTES
        yield CB401.at(
            module.file,
            module.start(node),
            f"{module.source(node)} is a private part of "
            f"{'InMemoryChannelLayer' if counts else 'channels_redis'}.",
            fix="Use group_sizes() or statistics() of the layer, or presence."
            if counts
            else "Give the code its own connection to Redis, or do without.",
            severity=Severity.WARNING if is_test(module.path) else None,
        )


def _find_imports(module: PythonFile) -> Iterator[Finding]:
    for node in module.nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = module.imported(node)
            if any(name.partition(".")[0] == "channels_redis" for name in names):
                yield CB402.at(
                    module.file,
                    module.start(node),
                    f"{', '.join(names)} is imported: channels_redis has to stay installed.",
                    fix="Keep channels_redis in the requirements, or remove the import.",
                )


def _find_messages(module: PythonFile, node: ast.Attribute, in_memory: bool) -> Iterator[Finding]:
    """Find values in the dict of a message that no layer but InMemoryChannelLayer takes."""
    if node.attr not in SENDING:
        return
    for message in _messages(module, node):
        for value in ast.walk(message):
            if (kind := _unserialisable(module, value)) and isinstance(value, ast.expr):
                yield CB403.at(
                    module.file,
                    module.start(value),
                    f"The message has {kind}, {module.source(value)}, which cannot be serialised.",
                    fix="Send text: .isoformat() of a date, str() of others, list() of a set.",
                    severity=Severity.ERROR if in_memory else None,
                )


def _messages(module: PythonFile, node: ast.Attribute) -> Iterator[ast.Dict]:
    """Yield the dicts that are passed to a method, by ``async_to_sync`` too."""
    parent: ast.AST | None = module.parents.get(node)
    if isinstance(parent, ast.Call) and node in parent.args:
        parent = module.parents.get(parent)
    if isinstance(parent, ast.Call):
        yield from (value for value in parent.args if isinstance(value, ast.Dict))


def _unserialisable(module: PythonFile, node: ast.AST) -> str | None:
    """Say what a value is, if it goes into the message as it is."""
    if isinstance(node, ast.Set):
        kind: str | None = "a set"
    elif isinstance(node, ast.Call):
        kind = _UNSERIALISABLE.get(module.qualified(node.func) or "")
    else:
        return None
    return kind if _is_direct(module, node) else None


def _is_direct(module: PythonFile, node: ast.AST) -> bool:
    """Whether nothing but dicts and lists is around a value, up to the call."""
    parent = module.parents.get(node)
    while isinstance(parent, ast.Dict | ast.List | ast.Tuple):
        parent = module.parents.get(parent)
    return isinstance(parent, ast.Call) and node not in parent.args


LAYER_USE_FINDER = Finder((CB401, CB402, CB403), find)
