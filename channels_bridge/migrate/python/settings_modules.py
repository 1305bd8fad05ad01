"""A project's settings modules: those that its programs name, those that these import, others."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from channels_bridge.migrate.model.channels_use import speaks_of_channels
from channels_bridge.migrate.model.project import Project
from channels_bridge.migrate.model.python_file import Assignment, PythonFile
from channels_bridge.migrate.python.default_settings import named_settings

#: Whoever assigns one of these is a settings module.
TELLING = ("INSTALLED_APPS", "CHANNEL_LAYERS", "ASGI_APPLICATION")


@dataclass(frozen=True)
class SettingsModule:
    """One of them.

    Attributes:
        module: the file.
        reached: whether manage.py or asgi.py name it, or what they name imports it.
        is_test: whether its path says that it is for tests.
    """

    module: PythonFile
    reached: bool
    is_test: bool


def settings_modules(project: Project) -> list[SettingsModule]:
    """Find them, by import and then by content."""
    reached = list(_reached(project))
    found = [module for module in project.python if module in reached or _has_settings(module)]
    return [SettingsModule(m, m in reached, is_test(m.path)) for m in found]


def is_test(path: str) -> bool:
    """Whether a file is for tests, by its name or a folder's."""
    *folders, name = path.removesuffix(".py").split("/")
    if any(folder in ("test", "tests", "testing") for folder in folders):
        return True
    words = name.split("_")
    return name == "conftest" or "test" in words or "tests" in words or "testing" in words


def assignments(module: PythonFile, name: str) -> list[Assignment]:
    """Return the statements that assign a setting, those within functions left out."""
    return module.assignments.get(name, [])


def is_conditional(module: PythonFile, node: ast.stmt) -> bool:
    """Whether a statement is not executed whenever its module is imported."""
    return any(not isinstance(outer, ast.Module | ast.ClassDef) for outer in module.enclosing(node))


def find_module(project: Project, name: str, near: str) -> PythonFile | None:
    """Find a module of the project by its dotted name, wherever its import path begins.

    Of several, the one that has most folders in common with the path ``near``; of these one that
    is imported from beside a manage.py, then the one with the shortest path.
    """
    ends = name.replace(".", "/")
    wanted = (f"/{ends}.py", f"/{ends}/__init__.py")
    found = [module for module in project.python if f"/{module.path}".endswith(wanted)]

    def rank(module: PythonFile) -> tuple[int, bool, int]:
        path = f"/{module.path}"
        beside = any(
            path == f"{folder}{end}" for folder in program_folders(project) for end in wanted
        )
        return _common(module.path, near), beside, -path.count("/")

    return max(found, key=rank, default=None)


def is_of_other_project(project: Project, path: str) -> bool:
    """Whether a file is of one of several projects in a repository that does not use Channels.

    Where there is one manage.py only, code beside its folder belongs to it, too.
    """
    folders = program_folders(project)
    own = max((one for one in folders if f"/{path}".startswith(f"{one}/")), key=len, default=None)
    if own is None or len(folders) == 1:
        return False
    of_own = (module for module in project.python if f"/{module.path}".startswith(f"{own}/"))
    return not any(map(speaks_of_channels, of_own))


def program_folders(project: Project) -> list[str]:
    """Return the folders that have a manage.py, each with a slash in front; the root is empty."""
    ends = "/manage.py"
    return [f"/{path}".removesuffix(ends) for path in project.paths if f"/{path}".endswith(ends)]


def _common(one: str, other: str) -> int:
    """Count the folders that two paths begin with."""
    same = 0
    for mine, its in zip(one.split("/")[:-1], other.split("/")[:-1], strict=False):
        if mine != its:
            break
        same += 1
    return same


def _reached(project: Project) -> Iterable[PythonFile]:
    """Follow imports from the modules that programs name."""
    named = [*named_settings(project, "asgi.py"), *named_settings(project, "manage.py")]
    left = [find_module(project, one.name, one.module.path) for one in named]
    reached: dict[str, PythonFile] = {}
    while left:
        module = left.pop()
        if module is not None and module.path not in reached:
            reached[module.path] = module
            left += [find_module(project, name, module.path) for name in _star_imports(module)]
    return reached.values()


def _star_imports(module: PythonFile) -> Iterator[str]:
    """Yield the modules whose names all become this module's, and those it takes settings from."""
    for node in module.tree.body:
        for inner in ast.walk(node):
            if isinstance(inner, ast.ImportFrom):
                names = {alias.name for alias in inner.names}
                if "*" in names or names & set(TELLING):
                    yield module.origin(inner)


def _has_settings(module: PythonFile) -> bool:
    return any(assignments(module, name) for name in TELLING)
