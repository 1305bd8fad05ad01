"""CB501 to CB504: the project's tests."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from channels_bridge.migrate.model.migrate_options import MigrateOptions
from channels_bridge.migrate.model.project import Project
from channels_bridge.migrate.model.python_file import PythonFile
from channels_bridge.migrate.model.rule import Finder, Finding, Rule, Severity
from channels_bridge.migrate.python.consumer_classes import methods
from channels_bridge.migrate.python.layer_settings import IN_MEMORY, REDIS_BACKENDS, layer_settings
from channels_bridge.migrate.python.settings_modules import assignments, is_test

CB501 = Rule(
    "CB501",
    Severity.ADVICE,
    "tests need a Redis server for groups",
    "With a layer of this package tests need no server: in a process that runs tests, groups "
    "work within it, whatever the settings say. So a layer for tests need not be set; "
    "InMemoryChannelLayer and LocalChannelLayer need no server either.",
    "testing.md#which-layer-for-tests",
)
CB502 = Rule(
    "CB502",
    Severity.ADVICE,
    "tests import channels.testing",
    "It works, with and without Daphne installed, once Django is set up with channels_bridge among "
    "INSTALLED_APPS. A module that imports it earlier, such as a conftest.py, needs "
    "import channels_bridge.testing above it if Daphne is not installed.",
    "testing.md#with-a-server",
)
CB503 = Rule(
    "CB503",
    Severity.WARNING,
    "tests mock a layer by its class",
    "The mock has no effect once the layer is another class. Keep the layer in the settings of the "
    "tests, or mock the layer that get_channel_layer() returns.",
    "testing.md#which-layer-for-tests",
)
CB504 = Rule(
    "CB504",
    Severity.WARNING,
    "a live server test cannot start its server",
    "ChannelsLiveServerTestCase serves from another process, which cannot see a database in "
    "memory: set TEST NAME of the database. This is the same with Daphne.",
    "testing.md#with-a-server",
)


def find(project: Project, options: MigrateOptions) -> Iterator[Finding]:
    """Look at everything that is for tests."""
    layers, _ = layer_settings(project)
    settings = {one.module.path for one in layers}
    memory = _memory_database(project)
    was_memory = any(one.backend_name == IN_MEMORY and one.reached for one in layers)
    for module in project.python:
        if is_test(module.path) and module.path not in settings:
            yield from _find_redis(module)
        yield from _find_imports(module)
        yield from _find_mocks(module, was_memory)
        yield from _find_live(module, memory)


def _find_redis(module: PythonFile) -> Iterator[Finding]:
    patched = {node for node, _ in _patched(module)}
    for node in module.nodes:
        match node:
            case ast.Constant(value=str(name)) if name in REDIS_BACKENDS and node not in patched:
                yield CB501.at(
                    module.file,
                    module.start(node),
                    f"Tests use {name}, and so need a Redis server.",
                    fix="Write channels_bridge.layers.LocalChannelLayer, without CONFIG.",
                )


def _find_imports(module: PythonFile) -> Iterator[Finding]:
    for node in module.nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = module.imported(node)
            if any(f"{name}.".startswith("channels.testing.") for name in names):
                early = module.file.name == "conftest.py" and node in module.tree.body
                yield CB502.at(
                    module.file,
                    module.start(node),
                    "channels.testing is imported, which imports Daphne if that is installed.",
                    fix="If Daphne is uninstalled, import channels_bridge.testing above it."
                    if early
                    else "",
                )


def _find_mocks(module: PythonFile, was_memory: bool) -> Iterator[Finding]:
    for node, name in _patched(module):
        if name.startswith("channels_redis.") or (was_memory and name.startswith(IN_MEMORY)):
            yield CB503.at(
                module.file,
                module.start(node),
                f"{name} is mocked: without effect once the layer is another class.",
                fix="Keep this layer in the tests' settings, or mock the layer that "
                "get_channel_layer() returns.",
            )


def _patched(module: PythonFile) -> Iterator[tuple[ast.Constant, str]]:
    """Yield the targets of ``mock.patch``."""
    for node in module.nodes:
        match node:
            case ast.Call(func=function, args=[ast.Constant(value=str(name)) as target, *_]):
                if (module.qualified(function) or "").endswith(("mock.patch", "mocker.patch")):
                    yield target, name


def _find_live(module: PythonFile, memory: bool) -> Iterator[Finding]:
    for node in module.nodes:
        if isinstance(node, ast.ClassDef) and _is_live(module, node):
            if memory:
                text = f"{node.name} starts a server, and the tests' database is in memory."
                fix = 'Set DATABASES["default"]["TEST"] = {"NAME": "test.sqlite3"}, for example.'
                yield CB504.at(module.file, module.start(node), text, fix=fix)
            yield from _find_local_application(module, node)


def _is_live(module: PythonFile, node: ast.ClassDef) -> bool:
    names = [module.qualified(base) or "" for base in node.bases]
    return any(name.rpartition(".")[2] == "ChannelsLiveServerTestCase" for name in names)


def _find_local_application(module: PythonFile, node: ast.ClassDef) -> Iterator[Finding]:
    """Find an application that another process cannot get, as it has no name to import."""
    for statement in node.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id="get_application")], value=ast.Lambda()):
                yield _local(module, statement, node)
    for method in methods(node):
        for inner in ast.walk(method):
            match inner:
                case ast.Assign(
                    targets=[ast.Attribute(attr="get_application")], value=ast.Lambda()
                ):
                    yield _local(module, inner, node)


def _local(module: PythonFile, statement: ast.stmt, node: ast.ClassDef) -> Finding:
    text = f"{node.name}.get_application is a lambda, which no other process can get."
    return CB504.at(module.file, module.start(statement), text, fix="Make it a function.")


def _memory_database(project: Project) -> bool:
    """Whether all settings with a database are certain to have SQLite without a test's name."""
    values = [
        statement.value
        for module in project.python
        for statement in assignments(module, "DATABASES")
    ]
    return bool(values) and all(map(_in_memory, values))


def _in_memory(value: ast.expr | None) -> bool:
    """Whether DATABASES is a literal with SQLite, in whose tests it is in memory."""
    if not isinstance(value, ast.Dict):
        return False
    strings = [node.value for node in ast.walk(value) if isinstance(node, ast.Constant)]
    return "django.db.backends.sqlite3" in strings and "TEST" not in strings


TESTING_FINDER = Finder((CB501, CB502, CB503, CB504), find)
