"""The surroundings of a start command: application, settings and environment."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cached_property

from channels_bridge.migrate.model.project import Project
from channels_bridge.migrate.places.starts import Start
from channels_bridge.migrate.python.default_settings import VARIABLE, settings_of

_ASGI = re.compile(r"\b(?:channels|django)\b")

#: Variables from which other servers take options, too.
_VARIABLES = {
    "uvicorn": re.compile(r"\b(UVICORN_[A-Z_]+|FORWARDED_ALLOW_IPS)\b"),
    "gunicorn": re.compile(r"\b(GUNICORN_CMD_ARGS|FORWARDED_ALLOW_IPS)\b"),
    "granian": re.compile(r"\b(GRANIAN_[A-Z_]+)\b"),
}
_CONCURRENCY = re.compile(r"\bWEB_CONCURRENCY\b")
_PYTHONPATH = re.compile(r"^[^#\n]*\bPYTHONPATH\s*[=:]\s*(\S+)", re.MULTILINE)
_DIRECTORY = re.compile(
    r"(?:WORKDIR|WorkingDirectory=|(?:directory|chdir)\s*=|working_dir:|\bcd)\s*(\S+)"
)
#: The directory that a command runs in, what is there already, and packages of others.
_HARMLESS = re.compile(r"\.?/?|\$\{?PYTHONPATH[^/]*|\$\{?PWD\}?|\$\(pwd\)|.*site-packages.*")

#: Where variables are set.
_ENVIRONMENTS = (
    ".env*", "*.env", "*.yml", "*.yaml", "Dockerfile*", "*.Dockerfile", "*.sh", "*.service",
    "*.conf", "*.ini", "*.toml", "Procfile*", "Makefile", "run", "start", "entrypoint*",
)  # fmt: skip


class Surroundings:
    """A project, as far as start commands depend on it."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def concerns(self, start: Start) -> bool:
        """Whether the application is the project's, not that of another framework beside it."""
        module, _, attribute = start.invocation.application.partition(":")
        if f"{module}.{attribute}" in self.applications:
            return True
        files = self._files(module)
        if not files:
            return module.rpartition(".")[2] in ("asgi", "routing")
        texts = (self._project.file(path) for path in files)
        return any(file is not None and _ASGI.search(file.text) for file in texts)

    def doubts(self, start: Start) -> Iterator[str]:
        """Yield why the command can't be replaced as it stands, as clauses."""
        module, _, attribute = start.invocation.application.partition(":")
        yield from self._application(f"{module}.{attribute}")
        yield from self._variables(start)
        if start.invocation.server == "gunicorn" and self._has("gunicorn.conf.py"):
            yield "gunicorn reads gunicorn.conf.py, too, which is not understood here"

    def place_doubts(self, start: Start) -> Iterator[str]:
        """Yield why manage.py may not be where the command runs, as clauses."""
        module, _, _ = start.invocation.application.partition(":")
        files = self._files(module)
        if not files:
            yield f"no file of the project is the module {module}"
        for path in files:
            folder = path.removesuffix(module.replace(".", "/") + ".py")
            if f"{folder}manage.py" not in self._project.paths:
                yield f"manage.py is not in {folder or 'the directory'} that {module} is found in"
                return
        if where := next(self._import_paths(), None):
            yield f"PYTHONPATH in {where} may say where {module} is found"

    def may_add_workers(self, start: Start) -> bool:
        """Whether WEB_CONCURRENCY may be set, which we read, for a server that does not read it.

        Platforms that run Procfiles set it by themselves.
        """
        if start.invocation.server in ("uvicorn", "gunicorn"):
            return False
        return start.place.kind == "Procfile" or any(self._setting(_CONCURRENCY))

    def settings(self, start: Start) -> tuple[str, str]:
        """Return what ``--settings`` has to name, and a clause where that is not certain."""
        asgi = settings_of(self._project, "asgi.py")
        manage = settings_of(self._project, "manage.py")
        if VARIABLE in start.file.text or (asgi == manage and asgi is not None):
            return "", ""
        if asgi is None or manage is None:
            return (
                "",
                f"it is not certain which settings asgi.py and manage.py name; set {VARIABLE}",
            )
        if where := next(self._setting(re.compile(VARIABLE)), None):
            names = f"asgi.py names the settings {asgi}, manage.py {manage}"
            return "", f"{names}, and {where} sets {VARIABLE}"
        return asgi, ""

    @cached_property
    def applications(self) -> set[str]:
        """What the setting ASGI_APPLICATION is set to; a value that is computed is empty."""
        found = set()
        for module in self._project.python:
            for node in module.nodes:
                if isinstance(node, ast.Assign) and any(map(_is_setting, node.targets)):
                    match node.value:
                        case ast.Constant(value=str(text)):
                            found.add(text)
                        case _:
                            found.add("")
        return found

    def _application(self, named: str) -> Iterator[str]:
        if not self.applications:
            yield f"the setting ASGI_APPLICATION is missing: set it to {named!r}"
        elif self.applications != {named}:
            values = " or ".join(sorted(map(repr, self.applications - {named, ""})))
            values = values or "computed"
            yield f"the setting ASGI_APPLICATION is {values}; the command serves {named!r}"

    def _variables(self, start: Start) -> Iterator[str]:
        if (pattern := _VARIABLES.get(start.invocation.server)) is None:
            return
        match = pattern.search(start.file.text)
        if match:
            yield f"the variable {match[1]} is an option, too"
        elif where := next(self._setting(pattern), None):
            yield f"{where} sets variables that are options of {start.invocation.server}"

    def _setting(self, pattern: re.Pattern[str]) -> Iterator[str]:
        for file in self._project.files(*_ENVIRONMENTS):
            if pattern.search(file.text):
                yield file.path

    def _import_paths(self) -> Iterator[str]:
        """Yield the files that put another directory than the current one on the import path."""
        for file in self._project.files(*_ENVIRONMENTS):
            own = {match[1].strip("\"'") for match in _DIRECTORY.finditer(file.text)}
            for match in _PYTHONPATH.finditer(file.text):
                folders = match[1].strip("\"'").split(":")
                strange = [f for f in folders if f not in own and not _HARMLESS.fullmatch(f)]
                if strange and not any("PYTHONPATH" in folder for folder in own):
                    yield file.path

    def _files(self, module: str) -> list[str]:
        """Return the files that a module may be."""
        name = module.replace(".", "/") + ".py"
        return [p for p in self._project.paths if p == name or p.endswith(f"/{name}")]

    def _has(self, name: str) -> bool:
        return any(path.rpartition("/")[2] == name for path in self._project.paths)


def _is_setting(target: ast.expr) -> bool:
    return isinstance(target, ast.Name) and target.id == "ASGI_APPLICATION"
