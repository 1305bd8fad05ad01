"""Finds code that sends to groups where another process than the server may run it."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from channels_bridge.migrate.model.project import Project
from channels_bridge.migrate.model.python_file import PythonFile

#: Decorators and base classes of what a task queue runs.
_TASKS = frozenset(
    "shared_task task db_task db_periodic_task periodic_task job actor task_actor".split()
)
_COMMAND = re.compile(r"(?:^|/)management/commands/[a-z]\w*\.py$")
_TESTS = re.compile(r"(?:^|/)(?:tests?|conftest)(?:/|_|\.py$)|_tests?\.py$")


@dataclass(frozen=True)
class Sender:
    """A call of ``group_send``.

    Attributes:
        path: of the file.
        line: counted from 1.
        is_task: whether a task or a command calls it, which another process than the server runs.
    """

    path: str
    line: int
    is_task: bool

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


def senders_of(project: Project) -> list[Sender]:
    """Return the calls outside of consumers and tests; those of tasks first."""
    found = [
        sender
        for module in project.python
        if b"group_send" in module.file.data and not _TESTS.search(module.path)
        for sender in _calls(module)
    ]
    return sorted(found, key=lambda sender: not sender.is_task)


def _calls(module: PythonFile) -> list[Sender]:
    found = []
    for node in module.nodes:
        if isinstance(node, ast.Attribute) and node.attr == "group_send":
            around = list(module.enclosing(node))
            if not any(map(_is_consumer, around)) or any(map(_is_for_others, around)):
                is_task = bool(_COMMAND.search(module.path)) or any(map(_is_task, around))
                found.append(Sender(module.path, node.lineno, is_task))
    return found


def _is_consumer(node: ast.AST) -> bool:
    if not isinstance(node, ast.ClassDef):
        return False
    return any("Consumer" in name for name in [node.name, *map(ast.unparse, node.bases)])


def _is_for_others(node: ast.AST) -> bool:
    """Whether it is a method that is called without a consumer."""
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    names = set(map(ast.unparse, node.decorator_list))
    return not names.isdisjoint(("classmethod", "staticmethod"))


def _is_task(node: ast.AST) -> bool:
    """Whether a function is one that a task queue runs, or a class of such."""
    if isinstance(node, ast.ClassDef):
        return any(ast.unparse(base).rpartition(".")[2] == "Task" for base in node.bases)
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    called = [d.func if isinstance(d, ast.Call) else d for d in node.decorator_list]
    return any(ast.unparse(one).rpartition(".")[2] in _TASKS for one in called)


def has_address(project: Project) -> bool:
    """Whether the project's layer is told where processes meet, or needs not to be."""
    return any(
        b"NatsChannelLayer" in module.file.data
        or (b"GrpcChannelLayer" in module.file.data and _names_address(module))
        for module in project.python
    )


def _names_address(module: PythonFile) -> bool:
    return any(isinstance(node, ast.Constant) and node.value == "address" for node in module.nodes)
