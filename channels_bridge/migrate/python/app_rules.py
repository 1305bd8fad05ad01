"""CB101 and CB102: the applications in INSTALLED_APPS."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from channels_bridge.migrate.model.edit import Edit
from channels_bridge.migrate.model.migrate_options import MigrateOptions
from channels_bridge.migrate.model.project import Project
from channels_bridge.migrate.model.python_file import Assignment, PythonFile
from channels_bridge.migrate.model.rule import Finder, Finding, Rule, Severity
from channels_bridge.migrate.python.literals import Sequence, insert_first, remove_element
from channels_bridge.migrate.python.settings_modules import (
    SettingsModule,
    assignments,
    is_conditional,
    is_of_other_project,
    settings_modules,
)

APPS = "INSTALLED_APPS"
APPLICATION = "ASGI_APPLICATION"
OURS = "channels_bridge"
#: Applications with a ``runserver``, which have to come after ours.
RUNSERVERS = ("daphne", "django.contrib.staticfiles")

CB101 = Rule(
    "CB101",
    Severity.ERROR,
    '"channels_bridge" is not the first of INSTALLED_APPS',
    "The application brings the commands, among them websockets_server, and the checks. Django "
    "takes runserver from the first application that has one, so it has to come before "
    '"daphne" and "django.contrib.staticfiles". If it can only be appended, everything works '
    "except runserver.",
    "settings.md#installed_apps",
)
CB102 = Rule(
    "CB102",
    Severity.WARNING,
    '"daphne" is in INSTALLED_APPS',
    'Another runserver is all that "daphne" brings there. Behind "channels_bridge" it does '
    "nothing; before it, runserver is Daphne's. The package may stay installed.",
    "settings.md#installed_apps",
)


def find(project: Project, options: MigrateOptions) -> Iterator[Finding]:
    """Look at every INSTALLED_APPS of the project."""
    modules = settings_modules(project)
    named = {name for one in modules for _, name in _names(one.module)}
    for one in modules:
        if one.reached or not one.is_test:
            if _is_whole(one.module) and _is_concerned(project, one):
                yield from _find_ours(one, named)
            yield from _find_daphne(one.module)


def _find_ours(one: SettingsModule, named: set[str]) -> Iterator[Finding]:
    module = one.module
    statement = next(s for s in assignments(module, APPS) if not isinstance(s, ast.AugAssign))
    literal = _first_literal(module, statement.value)
    if not any(_is_app(name, OURS) for name in named):
        edit = insert_first(module, literal, OURS) if literal is not None else None
        yield CB101.at(
            module.file,
            module.start(statement),
            '"channels_bridge" is not in INSTALLED_APPS.',
            fix='Put "channels_bridge" first in INSTALLED_APPS.',
            edits=_edits(edit) if not is_conditional(module, statement) else (),
        )
    elif literal is not None:
        yield from _find_late(module, literal)


def _find_late(module: PythonFile, literal: Sequence) -> Iterator[Finding]:
    """Find ours behind another application with a ``runserver``, in one list."""
    names = [str(e.value) if isinstance(e, ast.Constant) else "" for e in literal.elts]
    ours = next((place for place, name in enumerate(names) if _is_app(name, OURS)), None)
    ahead = [name for name in names[:ours] if any(_is_app(name, other) for other in RUNSERVERS)]
    if ours is None or not ahead:
        return
    element = literal.elts[ours]
    removal = remove_element(module, literal, element)
    edits = _edits(insert_first(module, literal, names[ours])) if removal else ()
    yield CB101.at(
        module.file,
        module.start(element),
        f'"channels_bridge" is behind "{ahead[0]}", whose runserver Django takes.',
        fix='Put "channels_bridge" first in INSTALLED_APPS.',
        edits=(*edits, *_edits(removal)) if edits else (),
        severity=Severity.WARNING,
    )


def _find_daphne(module: PythonFile) -> Iterator[Finding]:
    for node, name in _names(module):
        if _is_app(name, "daphne"):
            yield CB102.at(
                module.file,
                module.start(node),
                '"daphne" is in INSTALLED_APPS: runserver is Daphne\'s if it comes first.',
                fix='Remove "daphne" from INSTALLED_APPS; the package may stay installed.',
                edits=_edits(_removal(module, node)),
            )


def _removal(module: PythonFile, node: ast.Constant) -> Edit | None:
    """Remove an application from the literal it is in, where that is certain to be one of these."""
    literal = module.parents[node]
    if not isinstance(literal, ast.List | ast.Tuple):
        return None
    if any(isinstance(outer, ast.Call | ast.IfExp) for outer in module.enclosing(node)):
        return None
    return remove_element(module, literal, node)


def _edits(edit: Edit | None) -> tuple[Edit, ...]:
    return () if edit is None else (edit,)


def _is_app(name: str, app: str) -> bool:
    """Whether an entry is an application: by its module, or by its configuration's class."""
    return name == app or name.startswith(f"{app}.apps.")


def _is_whole(module: PythonFile) -> bool:
    """Whether the module makes INSTALLED_APPS, rather than adding to that of another module."""
    return any(
        not isinstance(statement, ast.AugAssign) and not _uses(statement.value, APPS)
        for statement in assignments(module, APPS)
    )


def _is_concerned(project: Project, one: SettingsModule) -> bool:
    if _concerns_channels(one.module):
        return True
    return one.reached and not is_of_other_project(project, one.module.path)


def _concerns_channels(module: PythonFile) -> bool:
    names = {name.partition(".")[0] for _, name in _names(module)}
    return bool(names & {"channels", "daphne", OURS}) or bool(assignments(module, APPLICATION))


def _names(module: PythonFile) -> Iterator[tuple[ast.Constant, str]]:
    """Yield all strings that become applications, as far as can be read."""
    for root in _roots(module):
        for node in ast.walk(root):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                if not isinstance(module.parents.get(node), ast.Compare | ast.Subscript):
                    yield node, node.value


def _roots(module: PythonFile) -> Iterator[ast.expr]:
    """Yield what INSTALLED_APPS is made of: values, what they name, arguments of its methods."""
    statements = list(assignments(module, APPS))
    values = [statement.value for statement in statements if statement.value is not None]
    yield from values
    used = {n.id for value in values for n in ast.walk(value) if isinstance(n, ast.Name)} - {APPS}
    for name in sorted(used):
        yield from (s.value for s in assignments(module, name) if s.value is not None)
    for node in module.nodes:
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method), args=args):
                if name == APPS and method in ("insert", "append", "extend"):
                    yield from args


def _first_literal(module: PythonFile, value: ast.expr | None) -> Sequence | None:
    """Return the list or tuple that the first application stands in."""
    match value:
        case ast.List() | ast.Tuple():
            first = value.elts[0] if value.elts else None
            if isinstance(first, ast.Starred):
                return _first_literal(module, first.value) or value
            return value
        case ast.BinOp(left=left, op=ast.Add()):
            return _first_literal(module, left)
        case ast.Name(id=name):
            found = list(assignments(module, name))
            if len(found) == 1 and _used_once(module, name):
                return _first_literal(module, _plain(found[0]))
    return None


def _plain(statement: Assignment) -> ast.expr | None:
    """Return the value of an assignment that stands where it is always executed."""
    return None if isinstance(statement, ast.AugAssign) else statement.value


def _used_once(module: PythonFile, name: str) -> bool:
    loads = [
        node
        for node in module.nodes
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load)
    ]
    return len(loads) == 1


def _uses(value: ast.expr | None, name: str) -> bool:
    nodes = ast.walk(value) if value is not None else ()
    return any(isinstance(node, ast.Name) and node.id == name for node in nodes)


APP_FINDER = Finder((CB101, CB102), find)
