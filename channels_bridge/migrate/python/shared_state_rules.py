"""CB405: state in memory that consumers share, and that workers do not."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from channels_bridge.migrate.model.migrate_options import MigrateOptions
from channels_bridge.migrate.model.project import Project
from channels_bridge.migrate.model.python_file import PythonFile
from channels_bridge.migrate.model.rule import Finder, Finding, Rule, Severity
from channels_bridge.migrate.python.consumer_classes import consumer_classes, methods
from channels_bridge.migrate.python.settings_modules import is_test

#: Methods that change the container they are called on.
_CHANGING = set(
    "append add extend insert remove discard pop popitem clear update setdefault appendleft".split()
)

#: Calls that make a container.
_CONTAINERS = {"dict", "list", "set", "collections.defaultdict", "collections.deque"}

CB405 = Rule(
    "CB405",
    Severity.WARNING,
    "consumers share state in memory",
    "Each worker has a copy of its own, which the others do not see. Daphne has one process. Keep "
    "such state in the database, the cache or in presence, or start the server with one worker.",
    "differences.md#pages-and-the-server-itself",
)


def find(project: Project, options: MigrateOptions) -> Iterator[Finding]:
    """Look at the containers of consumers and of the modules that these are in."""
    consumers = [(m, node) for m, node in consumer_classes(project) if not is_test(m.path)]
    for module, node in consumers:
        yield from _find_class_state(module, node)
    for module in {module.path: module for module, _ in consumers}.values():
        yield from _find_module_state(module)


def _find_class_state(module: PythonFile, node: ast.ClassDef) -> Iterator[Finding]:
    """Find containers that are attributes of a class, and that its methods change."""
    for statement in node.body:
        for name in _container_names(module, statement):
            owners = ("self", "cls", node.name, "self.__class__")
            if _rebound(node, name) or not _is_changed(module, node, name, owners):
                continue
            yield _state(module, statement, f"{node.name}.{name}")


def _find_module_state(module: PythonFile) -> Iterator[Finding]:
    """Find containers of a module with consumers that functions or methods change."""
    for statement in module.tree.body:
        for name in _container_names(module, statement):
            functions = [n for n in module.tree.body if not isinstance(n, ast.Assign)]
            if any(_is_changed(module, function, name, ("",)) for function in functions):
                yield _state(module, statement, name)


def _state(module: PythonFile, statement: ast.stmt, name: str) -> Finding:
    return CB405.at(
        module.file,
        module.start(statement),
        f"{name} is changed by consumers: each worker has one of its own.",
        fix="Keep it in the database or the cache, use presence, or serve with -w 1.",
    )


def _container_names(module: PythonFile, statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement binds to a new list, dict or set."""
    if isinstance(statement, ast.Assign):
        targets, value = statement.targets, statement.value
    elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
        targets, value = [statement.target], statement.value
    else:
        return
    empty = isinstance(value, ast.Dict | ast.List | ast.Set | ast.ListComp | ast.DictComp)
    made = isinstance(value, ast.Call) and module.qualified(value.func) in _CONTAINERS
    if empty or made:
        yield from (target.id for target in targets if isinstance(target, ast.Name))


def _rebound(node: ast.ClassDef, name: str) -> bool:
    """Whether instances get a container of their own."""
    return any(
        isinstance(inner, ast.Attribute) and inner.attr == name and isinstance(inner.ctx, ast.Store)
        for method in methods(node)
        for inner in ast.walk(method)
    )


def _is_changed(module: PythonFile, where: ast.AST, name: str, owners: tuple[str, ...]) -> bool:
    """Whether functions in a part of a file change a container, under one of its owners' names."""
    names = {f"{owner}.{name}".removeprefix(".") for owner in owners}
    return any(
        changed is not None and module.dotted(changed) in names and _in_function(module, node)
        for node in ast.walk(where)
        for changed in [_changed(node)]
    )


def _changed(node: ast.AST) -> ast.expr | None:
    """Return what a node changes: the container of an item, or of a method that changes it."""
    match node:
        case ast.Subscript(value=value, ctx=ast.Store() | ast.Del()):
            return value
        case ast.Call(func=ast.Attribute(value=value, attr=method)) if method in _CHANGING:
            return value
    return None


def _in_function(module: PythonFile, node: ast.AST) -> bool:
    functions = ast.FunctionDef | ast.AsyncFunctionDef
    return any(isinstance(outer, functions) for outer in module.enclosing(node))


SHARED_STATE_FINDER = Finder((CB405,), find)
