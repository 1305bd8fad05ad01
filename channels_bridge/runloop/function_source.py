"""The source of a function: its syntax tree, which is known to be that of the code that runs.

A file may have been edited since it was imported, and a function may come from elsewhere than its
code says. So what is read from the file is compiled again, and has to give the same code object:
instructions, constants with their types, names, flags and lines.
"""

from __future__ import annotations
import __future__

import ast
import inspect
import io
import re
import tokenize
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import CodeType, FunctionType, ModuleType
from typing import Any, TypeAlias

from channels_bridge.runloop.refusals import Refused

Definition: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef

CHANGED = "its file was changed after it was imported"

#: The bits of ``co_flags`` that ``from __future__ import ...`` sets.
FUTURE = sum({getattr(__future__, name).compiler_flag for name in __future__.all_feature_names})

#: What has to be equal besides the constants. Not the name with its path: it is compiled elsewhere.
ATTRIBUTES = (
    "co_argcount",
    "co_cellvars",
    "co_code",
    "co_exceptiontable",  # from Python 3.11 on
    "co_firstlineno",
    "co_freevars",
    "co_kwonlyargcount",
    "co_linetable",
    "co_name",
    "co_names",
    "co_posonlyargcount",
    "co_varnames",
)


#: Without the escapes of which Python warns each time that it reads them, as in ``"\\d"``.
ESCAPES = re.compile(r"""(?:[^\\]|\\[\n\r\\'"abfnrtvxNuU0-7])*""")


@dataclass(frozen=True)
class FunctionSource:
    """A function as it is written now in the file that it says that it is from.

    Args:
        function: which one.
        node: its definition; lines are those of its file.
        padded: what gives the function when compiled, on the lines and columns where it stands.
        flags: what is imported from ``__future__`` there.
        file: all that is in its file.
    """

    function: FunctionType
    node: Definition
    padded: str
    flags: int
    file: str

    @property
    def text(self) -> str:
        """The definition, without decorators."""
        return ast.get_source_segment(self.padded, self.node) or ""

    def require_same(self) -> None:
        """Have it be what runs.

        Raises:
            Refused: compiling it gives something else.
        """
        if not any(_same(self.function.__code__, other) for other in self._compiled()):
            raise Refused(None, CHANGED)

    def may_rebind(self, name: str) -> bool:
        """Whether anything in its file may bind one of its global names anew, later on.

        Its text says so: a ``global`` statement with the name, or ``globals()``, whatever for. What
        other modules bind in this one, can't be seen from here.
        """
        statement = rf"\bglobal\b(?:[^\n;]|\\\n)*\b{re.escape(name)}\b"
        return re.search(rf"{statement}|\bglobals\b", self.file) is not None

    def _compiled(self) -> Iterator[CodeType]:
        """Compile it.

        Some releases of Python compile ``json.dumps(x)`` to other instructions where they see that
        ``json`` was imported; which do the same.
        """
        code, namespace = self.function.__code__, self.function.__globals__
        modules = [name for name in code.co_names if isinstance(namespace.get(name), ModuleType)]
        for imports in ("", *(f"\nimport {names}\n" for names in [", ".join(modules)] if names)):
            text = self.padded + imports
            yield from _codes(compile(text, code.co_filename, "exec", self.flags, True))


def read_source(function: FunctionType) -> FunctionSource:
    """Return the source that a function may have been compiled from: see ``require_same``.

    Raises:
        Refused: there is none.
    """
    code = function.__code__
    file = _read_file(function)
    padded = _padded(code, _lines(code, file))
    flags = code.co_flags & FUTURE
    try:
        tree: Any = compile(padded, code.co_filename, "exec", ast.PyCF_ONLY_AST | flags, True)
    except (SyntaxError, ValueError):
        raise Refused(None, CHANGED) from None
    statements = tree.body
    if len(statements) == 1 and isinstance(statements[0], ast.ClassDef):
        statements = statements[0].body
    if len(statements) != 1 or not isinstance(statements[0], Definition):
        raise Refused(None, "is not written as a def")
    return FunctionSource(function, statements[0], padded, flags, file)


def _read_file(function: FunctionType) -> str:
    """Return what is in a function's file now; nothing where it comes from none.

    Not by linecache, which keeps all that it has read: in each worker, for ever.
    """
    name = function.__code__.co_filename
    try:
        with tokenize.open(name) as file:
            return file.read()
    except (OSError, SyntaxError, UnicodeError):
        return "" if name.startswith("<") else _read_archive(function.__globals__)


def _read_archive(namespace: Mapping[str, Any]) -> str:
    """Return what the importer of a module has, such as one of archives; nothing if it has none."""
    get_source = getattr(namespace.get("__loader__"), "get_source", None)
    if get_source is None:
        return ""
    try:
        source: str | None = get_source(namespace["__name__"])
    except ImportError:
        return ""
    return source or ""


def _lines(code: CodeType, file: str) -> list[str]:
    """The lines of a function."""
    lines = io.StringIO(file).readlines()[code.co_firstlineno - 1 :]
    if not lines:
        raise Refused(None, "its source can't be read")
    block = list(inspect.getblock(lines))
    text = "".join(block)
    match = ESCAPES.match(text)
    if match is not None and match.end() < len(text):
        line = code.co_firstlineno + text.count("\n", 0, match.end())
        raise Refused(line, "has a backslash of which Python warns")
    return block


def _padded(code: CodeType, lines: list[str]) -> str:
    """Return what gives the function when compiled, on the lines and columns where it stands."""
    before = code.co_firstlineno - 1
    if not lines[0][:1].isspace():
        return "\n" * before + "".join(lines)
    return "\n" * (before - 1) + "class Owner:\n" + "".join(lines)


def _codes(code: CodeType) -> list[CodeType]:
    """All code objects within one."""
    inner = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return inner + [nested for code in inner for nested in _codes(code)]


def _same(code: CodeType, other: CodeType) -> bool:
    # Only whether it stands in another function: what it takes from there, it has in co_freevars.
    flags = ~inspect.CO_NESTED
    return (
        code.co_flags & flags == other.co_flags & flags
        and all(getattr(code, name, None) == getattr(other, name, None) for name in ATTRIBUTES)
        and _same_constant(code.co_consts, other.co_consts)
    )


def _same_constant(one: Any, other: Any) -> bool:
    """Equality as the compiler sees it: 1 is neither 1.0 nor True, and 0.0 is not -0.0."""
    if type(one) is not type(other):
        return False
    if isinstance(one, CodeType):
        return _same(one, other)
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(_same_constant, one, other))
    return repr(one) == repr(other) and bool(one == other)
