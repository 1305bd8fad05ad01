"""CB406, CB410 and CB411: what happens when the project is imported and set up."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from channels_bridge.migrate.model.migrate_options import MigrateOptions
from channels_bridge.migrate.model.project import Project
from channels_bridge.migrate.model.python_file import PythonFile
from channels_bridge.migrate.model.rule import Finder, Finding, Rule, Severity
from channels_bridge.migrate.python.consumer_classes import methods
from channels_bridge.migrate.python.settings_modules import assignments, find_module, is_test

#: Classes and functions, by the last part of their names, that make something run on its own.
_STARTERS = set(
    "Thread Timer Process Popen BackgroundScheduler AsyncIOScheduler BlockingScheduler "
    "ThreadPoolExecutor ProcessPoolExecutor loop_start loop_forever".split()
)

#: What Channels 1 had, and nothing since.
_CHANNELS_1 = (
    "channels.Group",
    "channels.Channel",
    "channels.asgi.get_channel_layer",
    "channels.routing.route",
    "channels.routing.include",
    "channels.sessions.channel_session",
    "channels.auth.channel_session_user",
    "channels.auth.channel_session_user_from_http",
)

CB406 = Rule(
    "CB406",
    Severity.WARNING,
    "AppConfig.ready() starts something",
    "ready() runs in each worker, and so does what it starts, such as a scheduler. "
    "channels_bridge.server.current_worker() tells workers apart.",
    "deployment.md#code-that-is-to-run-once",
)
CB410 = Rule(
    "CB410",
    Severity.ADVICE,
    "asgi.py has consumers before Django is set up, or does not check origins",
    "get_asgi_application() sets Django up: what imports models has to come after it. Without "
    "AllowedHostsOriginValidator any page may open a WebSocket in the name of a visitor. Both are "
    "the same under other servers.",
    "settings.md#asgi_application",
)
CB411 = Rule(
    "CB411",
    Severity.ERROR,
    "the project is written for Channels 1",
    "Channels 1 had another interface, which neither Channels 4 nor this server has. Move to "
    "Channels 4 first.",
    "README.md#step-by-step",
)


def find(project: Project, options: MigrateOptions) -> Iterator[Finding]:
    """Look at applications' configurations, at asgi.py, and at imports."""
    for module in project.python:
        if not is_test(module.path):
            yield from _find_started(project, module)
            if module.file.name in ("asgi.py", "routing.py"):
                yield from _find_in_asgi(module)
        yield from _find_channels_1(module)


def _find_started(project: Project, module: PythonFile) -> Iterator[Finding]:
    for node in module.tree.body:
        if isinstance(node, ast.ClassDef) and _is_app_config(module, node):
            for method in methods(node):
                if method.name == "ready":
                    yield from _find_starters(project, module, method)


def _is_app_config(module: PythonFile, node: ast.ClassDef) -> bool:
    names = [module.qualified(base) or "" for base in node.bases]
    return any(name.rpartition(".")[2].endswith("AppConfig") for name in names)


def _find_starters(project: Project, module: PythonFile, ready: ast.AST) -> Iterator[Finding]:
    """Find what starts something, in ``ready()`` or in a function of the project it calls."""
    for call in ast.walk(ready):
        if isinstance(call, ast.Call):
            name = module.qualified(call.func) or ""
            starter = name if _starts(name) else _behind(project, module, name)
            if starter is not None:
                yield CB406.at(
                    module.file,
                    module.start(call),
                    f"ready() starts {starter}: it will run in each worker.",
                    fix="Start it in one worker, which channels_bridge.server.current_worker() "
                    "tells, or run it as a process of its own.",
                )


def _starts(name: str) -> bool:
    return name.rpartition(".")[2] in _STARTERS


def _behind(project: Project, module: PythonFile, name: str) -> str | None:
    """Return what a function of the project starts."""
    owner, _, function = name.rpartition(".")
    found = find_module(project, owner, module.path) if owner else module
    if found is None:
        return None
    for node in found.tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == function:
            calls = [inner for inner in ast.walk(node) if isinstance(inner, ast.Call)]
            names = [found.qualified(call.func) or "" for call in calls]
            return next((f"{name}(), in {found.path}" for name in names if _starts(name)), None)
    return None


def _find_in_asgi(module: PythonFile) -> Iterator[Finding]:
    calls = [node for node in module.nodes if isinstance(node, ast.Call)]
    names = {(module.qualified(call.func) or "").rpartition(".")[2]: call for call in calls}
    if (made := names.get("get_asgi_application")) is not None:
        for node in module.tree.body:
            if isinstance(node, ast.Import | ast.ImportFrom) and node.lineno < made.lineno:
                if early := _early_import(module, node):
                    text = f"{early} is imported before Django is set up."
                    fix = "Import it below get_asgi_application()."
                    yield CB410.at(module.file, module.start(node), text, fix=fix)
    router = names.get("ProtocolTypeRouter")
    if router is not None and not any(name.endswith("OriginValidator") for name in names):
        if _has_websockets(router):
            text = "Nothing checks the origin of WebSockets."
            fix = "Wrap the application for websocket in AllowedHostsOriginValidator."
            yield CB410.at(module.file, module.start(router), text, fix=fix)


def _early_import(module: PythonFile, node: ast.Import | ast.ImportFrom) -> str | None:
    """Return the module with consumers or routes that an import is about."""
    for name in module.imported(node):
        parts = name.split(".")
        if parts[0] not in ("channels", "channels_bridge", "django"):
            if {"consumers", "routing"} & set(parts):
                return name
    return None


def _has_websockets(router: ast.Call) -> bool:
    keys = [key for value in router.args if isinstance(value, ast.Dict) for key in value.keys]
    return any(isinstance(key, ast.Constant) and key.value == "websocket" for key in keys)


def _find_channels_1(module: PythonFile) -> Iterator[Finding]:
    for node in module.nodes:
        if isinstance(node, ast.ImportFrom):
            old = [name for name in module.imported(node) if name in _CHANNELS_1]
            if old:
                yield _old(module, node, f"{', '.join(old)} is imported")
    for statement in assignments(module, "channel_routing"):
        if isinstance(statement.value, ast.List):
            yield _old(module, statement, "channel_routing is a list of routes")
    for statement in assignments(module, "CHANNEL_LAYERS"):
        for node in ast.walk(statement):
            match node:
                case ast.Constant(value=str(name)) if name.startswith("asgi_redis."):
                    yield _old(module, node, f"the layer is {name}")


def _old(module: PythonFile, node: ast.expr | ast.stmt, what: str) -> Finding:
    text = f"This is of Channels 1: {what}."
    return CB411.at(module.file, module.start(node), text, fix="Move the project to Channels 4.")


STARTUP_FINDER = Finder((CB406, CB410, CB411), find)
