"""CB408 and CB409: what code takes from Daphne, or from what it believed."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from channels_bridge.migrate.model.migrate_options import MigrateOptions
from channels_bridge.migrate.model.project import Project
from channels_bridge.migrate.model.python_file import PythonFile
from channels_bridge.migrate.model.rule import Finder, Finding, Rule, Severity

CB408 = Rule(
    "CB408",
    Severity.WARNING,
    "code reads the client's address or scheme",
    "Behind a proxy these are the client's own only where the server trusts the proxy. Daphne's "
    "--proxy-headers trusts every peer; here --forwarded-allow-ips names those to trust.",
    "command.md#from-daphne",
)
CB409 = Rule(
    "CB409",
    Severity.WARNING,
    "code relies on Daphne",
    "Without Daphne its modules cannot be imported, and its header Daphne-Root-Path is not read: "
    "give the command --root-path. scope['asgi']['spec_version'] is 2.3 here; Daphne has none.",
    "differences.md#the-handshake",
)


#: Files that may hold the server's command line.
_STARTING = (
    "Procfile*",
    "Dockerfile*",
    "*.sh",
    "*.service",
    "*.conf",
    "*.ini",
    "*.yml",
    "*.yaml",
    "Makefile",
)


def find(project: Project, options: MigrateOptions) -> Iterator[Finding]:
    """Look at all files of Python."""
    trusting = any("--proxy-headers" in file.text for file in project.files(*_STARTING))
    for module in project.python:
        yield from _find_addresses(module, trusting)
        yield from _find_daphne(module)


def _find_addresses(module: PythonFile, trusting: bool) -> Iterator[Finding]:
    for node in module.nodes:
        match node:
            case ast.Subscript(value=owner, slice=ast.Constant(value="client" | "scheme" as key)):
                pass
            case ast.Call(
                func=ast.Attribute(value=owner, attr="get"),
                args=[ast.Constant(value="client" | "scheme" as key), *_],
            ):
                pass
            case _:
                continue
        if (module.dotted(owner) or "").rpartition(".")[2] == "scope":
            yield CB408.at(
                module.file,
                module.start(node),
                f"scope[{key!r}] is read: behind a proxy it is the proxy's, unless it is trusted.",
                fix="Name the proxy: --forwarded-allow-ips ADDRESS, or unix for a unix socket.",
                severity=None if trusting else Severity.ADVICE,
            )


def _find_daphne(module: PythonFile) -> Iterator[Finding]:
    for node in module.nodes:
        match node:
            case ast.Import() | ast.ImportFrom():
                names = module.imported(node)
                if any(name.partition(".")[0] == "daphne" for name in names):
                    yield _relies(module, node, f"{', '.join(names)} is imported")
            case ast.Constant(value=str(text)) | ast.Constant(value=bytes(text)):
                header = text if isinstance(text, str) else text.decode("latin-1")
                if header.lower() == "daphne-root-path":
                    yield _relies(module, node, "the header Daphne-Root-Path is named")
            case ast.Subscript(
                value=ast.Subscript(slice=ast.Constant(value="asgi")),
                slice=ast.Constant(value="spec_version"),
                ctx=ast.Load(),
            ):
                yield _relies(module, node, "spec_version is read")


def _relies(module: PythonFile, node: ast.expr | ast.stmt, what: str) -> Finding:
    fix = "Do without it; in tests write channels_bridge.testing.ServerProcess for DaphneProcess."
    return CB409.at(module.file, module.start(node), f"This relies on Daphne: {what}.", fix=fix)


DAPHNE_USE_FINDER = Finder((CB408, CB409), find)
