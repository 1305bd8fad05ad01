"""CB107 and CB108: the application that is served, and the settings that it is served with."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from channels_bridge.migrate.model.migrate_options import MigrateOptions
from channels_bridge.migrate.model.project import Project
from channels_bridge.migrate.model.python_file import PythonFile
from channels_bridge.migrate.model.rule import Finder, Finding, Rule, Severity
from channels_bridge.migrate.python.app_rules import APPLICATION, APPS
from channels_bridge.migrate.python.default_settings import named_settings, settings_of
from channels_bridge.migrate.python.literals import replace_string
from channels_bridge.migrate.python.settings_modules import (
    SettingsModule,
    assignments,
    find_module,
    settings_modules,
)

CB107 = Rule(
    "CB107",
    Severity.ERROR,
    "ASGI_APPLICATION is missing, or leads nowhere",
    "Other servers are given the application on their command line. This one serves the one that "
    "the setting ASGI_APPLICATION names: a module and an attribute, with a dot between them.",
    "settings.md#asgi_application",
)
CB108 = Rule(
    "CB108",
    Severity.ERROR,
    "asgi.py and manage.py name different settings",
    "Other servers import asgi.py, and so use the settings that it names. websockets_server is a "
    "command of manage.py and uses those that manage.py names. Set DJANGO_SETTINGS_MODULE in the "
    "environment of the server, or give the command --settings.",
    "README.md#which-settings-are-in-use",
)


def find(project: Project, options: MigrateOptions) -> Iterator[Finding]:
    """Compare the settings and the files that they lead to."""
    modules = settings_modules(project)
    yield from _find_missing(project, modules)
    for one in modules:
        if one.reached or not one.is_test:
            yield from _find_wrong(project, one.module)
    yield from _find_other_settings(project)


def _find_missing(project: Project, modules: list[SettingsModule]) -> Iterator[Finding]:
    """Find settings that the server uses in which no module names the application."""
    reached = [one.module for one in modules if one.reached]
    if any(_named(one.module) for one in modules):
        return
    for module in reached:
        for statement in list(assignments(module, APPS))[:1]:
            yield CB107.at(
                module.file,
                module.start(statement),
                "No settings module has ASGI_APPLICATION.",
                fix=f'Add ASGI_APPLICATION = "{_guess(project)}" to the settings.',
            )


def _named(module: PythonFile) -> bool:
    """Whether a module says which application is served, here's native one included."""
    names = (APPLICATION, "WEBSOCKET_ROUTE_MODULE")
    return any(assignments(module, name) for name in names)


def _guess(project: Project) -> str:
    """Return the application that the uppermost asgi.py has."""
    paths = [path for path in project.paths if path.rpartition("/")[2] == "asgi.py"]
    if not paths:
        return "mysite.asgi.application"
    folders = min(paths, key=lambda path: path.count("/")).split("/")[:-1]
    return ".".join([*folders[-1:], "asgi.application"])


def _find_wrong(project: Project, module: PythonFile) -> Iterator[Finding]:
    for statement in assignments(module, APPLICATION):
        match statement.value:
            case ast.Constant(value=str(name)) as node:
                if ":" in name:
                    yield _colon(module, node, name)
                elif (reason := _leads_nowhere(project, module, name)) is not None:
                    yield CB107.at(
                        module.file,
                        module.start(node),
                        f"ASGI_APPLICATION is {name!r}, but {reason}.",
                        fix="Name a module and the attribute that the application is.",
                    )


def _colon(module: PythonFile, node: ast.Constant, name: str) -> Finding:
    edit = replace_string(module, node, name.replace(":", "."))
    return CB107.at(
        module.file,
        module.start(node),
        f"ASGI_APPLICATION is {name!r}, with a colon; Django has a dot there.",
        fix=f"Write {name.replace(':', '.')!r}.",
        edits=() if edit is None else (edit,),
    )


def _leads_nowhere(project: Project, module: PythonFile, name: str) -> str | None:
    """Say why an application is not found; None if it is, or if it is not in the project."""
    module_name, _, attribute = name.rpartition(".")
    if not _is_of_project(project, module_name):
        return None
    found = find_module(project, module_name, module.path)
    if found is None:
        return f"the project has no {module_name}"
    return None if _defines(found, attribute) else f"{found.path} has no {attribute!r}"


def _is_of_project(project: Project, name: str) -> bool:
    """Whether the package that a module is in is one of the project's."""
    package = name.partition(".")[0]
    return bool(package) and any(f"/{package}/" in f"/{path}" for path in project.paths)


def _defines(module: PythonFile, name: str) -> bool:
    """Whether a module may have a name: by any assignment, definition or import in it."""
    for node in module.nodes:
        match node:
            case ast.Name(id=found, ctx=ast.Store()):
                if found == name:
                    return True
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                if node.name in (name, "__getattr__"):
                    return True
            case ast.Import() | ast.ImportFrom():
                if any((alias.asname or alias.name) in (name, "*") for alias in node.names):
                    return True
    return False


def _find_other_settings(project: Project) -> Iterator[Finding]:
    ours, theirs = settings_of(project, "manage.py"), settings_of(project, "asgi.py")
    if ours is not None and theirs is not None and ours != theirs:
        found = named_settings(project, "asgi.py")[0]
        fix = f"Start the server with --settings {theirs}, or set DJANGO_SETTINGS_MODULE to it."
        if not _is_of_project(project, theirs):  # left over from a tutorial, mostly
            fix = (
                f"Write {ours} there, unless {theirs} is installed: the project has no such module."
            )
        yield CB108.at(
            found.module.file,
            found.module.start(found.node),
            f"asgi.py names {theirs}, manage.py names {ours}, which this server uses.",
            fix=fix,
        )


APPLICATION_FINDER = Finder((CB107, CB108), find)
