"""CB404 and CB407: what handlers do."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from channels_bridge.migrate.model.migrate_options import MigrateOptions
from channels_bridge.migrate.model.project import Project
from channels_bridge.migrate.model.python_file import PythonFile
from channels_bridge.migrate.model.rule import Finder, Finding, Rule, Severity
from channels_bridge.migrate.python.consumer_classes import consumer_classes, methods
from channels_bridge.migrate.python.settings_modules import is_test

#: Calls that block the thread they are made in, and that a handler may make.
_BLOCKING = re.compile(
    r"time\.sleep|urllib\.request\.urlopen|os\.system"
    r"|requests\.(get|post|put|patch|delete|head|options|request)"
    r"|subprocess\.(run|call|check_call|check_output|getoutput|getstatusoutput)"
)

#: What an application may send to a WebSocket.
_MESSAGES = re.compile(r"websocket\.(accept|send|close|http\.response\.(start|body))")

#: The most bytes that a close frame has for a reason.
_LONGEST_REASON = 123

#: Bases whose ``send()`` takes text or bytes, by the last part of their names.
_WITH_TEXT = re.compile(r"(Async)?(Json)?WebsocketConsumer")

CB404 = Rule(
    "CB404",
    Severity.WARNING,
    "an asynchronous handler blocks the event loop",
    "All connections of a worker wait meanwhile. After --worker-timeout, 30 s, the worker is "
    "replaced and its connections end; Daphne lets it block for as long as it likes.",
    "differences.md#pages-and-the-server-itself",
)
CB407 = Rule(
    "CB407",
    Severity.ERROR,
    "a handler sends what is an error here",
    "A close reason of more than 123 bytes, a send() with neither text nor bytes and a message of "
    "a type that ASGI does not have are ignored under Daphne. Here they are errors: the connection "
    "is closed with 1011.",
    "differences.md#errors",
)


def find(project: Project, options: MigrateOptions) -> Iterator[Finding]:
    """Look at the methods of all consumers."""
    for module, node in consumer_classes(project):
        if not is_test(module.path):
            yield from _find_blocking(module, node)
            yield from _find_errors(module, node)


def _find_blocking(module: PythonFile, node: ast.ClassDef) -> Iterator[Finding]:
    for method in methods(node):
        if isinstance(method, ast.AsyncFunctionDef):
            for call in _own_calls(method):
                name = module.qualified(call.func) or ""
                if _BLOCKING.fullmatch(name):
                    yield CB404.at(
                        module.file,
                        module.start(call),
                        f"{name}() blocks the event loop in {node.name}.{method.name}().",
                        fix="Await asyncio.sleep() or an asynchronous client, or call it by "
                        "asgiref.sync.sync_to_async or asyncio.to_thread.",
                    )


def _own_calls(function: ast.AsyncFunctionDef) -> Iterator[ast.Call]:
    """Yield the calls that are made in the coroutine itself, not in functions inside of it."""
    left: list[ast.AST] = list(function.body)
    while left:
        node = left.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            continue
        if isinstance(node, ast.Call):
            yield node
        left += ast.iter_child_nodes(node)


def _find_errors(module: PythonFile, node: ast.ClassDef) -> Iterator[Finding]:
    with_text = any(
        _WITH_TEXT.fullmatch((module.qualified(b) or "").rpartition(".")[2]) for b in node.bases
    )
    for method in methods(node):
        for call in ast.walk(method):
            match call:
                case ast.Call(func=ast.Attribute(value=ast.Name(id="self"), attr="close")):
                    yield from _long_reason(module, call)
                case ast.Call(func=ast.Attribute(value=ast.Name(id="self"), attr="send")):
                    yield from _odd_message(module, call, with_text)


def _long_reason(module: PythonFile, call: ast.Call) -> Iterator[Finding]:
    for keyword in call.keywords:
        match keyword:
            case ast.keyword(arg="reason", value=ast.Constant(value=str(text))):
                if (size := len(text.encode())) > _LONGEST_REASON:
                    yield CB407.at(
                        module.file,
                        module.start(keyword.value),
                        f"The reason has {size} bytes; a close frame has room for 123.",
                        fix="Shorten it to 123 bytes.",
                    )


def _odd_message(module: PythonFile, call: ast.Call, with_text: bool) -> Iterator[Finding]:
    """Find a ``send()`` of nothing, or of a type that ASGI does not have."""
    if with_text and not call.args and not call.keywords:
        text = "send() has neither text nor bytes."
        yield CB407.at(module.file, module.start(call), text, fix="Send text_data or bytes_data.")
    for argument in call.args[:1]:
        kind = _message_type(argument)
        if kind and kind.startswith("websocket.") and not _MESSAGES.fullmatch(kind):
            text = f"ASGI has no message {kind!r} to a client."
            yield CB407.at(
                module.file, module.start(argument), text, fix="Remove it, or correct it."
            )


def _message_type(node: ast.expr) -> str | None:
    if isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            match key, value:
                case ast.Constant(value="type"), ast.Constant(value=str(kind)):
                    return kind
    return None


HANDLER_FINDER = Finder((CB404, CB407), find)
