"""The expressions of shared handlers: those that make plain data of plain data.

What is accepted is in the table in ``handler_grammar``.
"""

from __future__ import annotations

import ast
import json
import re
import types
from collections.abc import Iterable
from types import ModuleType
from typing import Any, cast

from channels_bridge.runloop.function_source import FunctionSource
from channels_bridge.runloop.pure_functions import (
    BUILTINS,
    METHODS,
    SCALARS,
    WITHOUT_ARGUMENTS,
    is_constant,
    look_at_json,
)
from channels_bridge.runloop.refusals import Refused, describe, spell
from channels_bridge.runloop.witnesses import ABSENT, Witnesses

OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.BitOr)
SIGNS = (ast.Not, ast.USub, ast.UAdd)
COMPARISONS = (ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn)
IDENTITIES = (ast.Is, ast.IsNot)

#: Python warns of some of these that are subscripted, or compared by identity.
LITERALS = (ast.Constant, ast.JoinedStr, ast.List, ast.Tuple)

#: A format that depends on nothing but the value: no ``n``, which asks for the locale.
FORMAT = re.compile(r"(.?[<>=^])?[-+ ]?z?#?0?\d*[,_]?(\.\d+)?[bcdeEfFgGosxX%]?")

#: What stands for a module that is not imported before it is used (``lazy import``, Python 3.15).
LAZY: Any = getattr(types, "LazyImportType", ())

#: Options of ``json.dumps``, and of what type their literals are.
FLAGS = frozenset({"allow_nan", "check_circular", "ensure_ascii", "skipkeys", "sort_keys"})


class Expressions:
    """The expressions of one handler, in the order in which they are evaluated.

    Args:
        source: the handler's.
        witnesses: take down what is looked up outside of it.
    """

    def __init__(self, source: FunctionSource, witnesses: Witnesses) -> None:
        function = source.function
        self._source = source
        self._namespace = function.__globals__
        self._builtins: dict[str, Any] = cast(Any, function).__builtins__
        if type(self._namespace) is not dict or type(self._builtins) is not dict:
            raise Refused(None, "runs in a namespace of its own kind")
        self._local = set(function.__code__.co_varnames)
        self.consumer, self.event, *_ = function.__code__.co_varnames
        self._known = {self.event}  # what has a value by now
        self._seen: set[ast.AST] = set()
        self._witnesses = witnesses
        self._looked_up: dict[str, Any] = {}

    def assign(self, statement: ast.stmt, name: str) -> None:
        """Note that a name has a value from now on; the only one that it ever has."""
        if name in self._known or name == self.consumer or name.startswith("__"):
            raise Refused(statement.lineno, f"gives {name} another value")
        self._known.add(name)

    def look_at_json(self) -> None:
        """Take down what ``json.dumps`` is."""
        if "json.dumps" not in self._looked_up:  # no name can be that
            look_at_json(self._witnesses)
            self._looked_up["json.dumps"] = None

    def see(self, nodes: Iterable[ast.AST]) -> None:
        """Note that nodes were looked at."""
        self._seen.update(nodes)

    def require_all_seen(self, nodes: Iterable[ast.AST]) -> None:
        """A newer Python may have more in a node than was looked at here."""
        for top in nodes:
            for node in ast.walk(top):
                if isinstance(node, ast.expr | ast.stmt) and node not in self._seen:
                    raise Refused(node.lineno, f"has {describe(node)}")

    def read(self, node: ast.expr) -> None:
        """Accept an expression.

        Raises:
            Refused: it isn't certain that it has the same value for all members.
        """
        self._seen.add(node)
        match node:
            case ast.Constant(value=value):
                if type(value) not in SCALARS:
                    raise Refused(node.lineno, f"has the literal {value!r}")
            case ast.Name(id=name):
                self._name(node, name)
            case ast.List(elts=items) | ast.Tuple(elts=items):
                self._items(items)
            case ast.Dict(keys=keys, values=values):
                self._all([*(key for key in keys if key is not None), *values])
            case ast.JoinedStr(values=values):
                self._all(values)
            case ast.FormattedValue(value=value, format_spec=spec):
                self.read(value)
                self._format(node, spec)
            case ast.BinOp(left=left, op=operator, right=right) if isinstance(operator, OPERATORS):
                self._all([left, right])
            case ast.UnaryOp(op=operator, operand=value) if isinstance(operator, SIGNS):
                self.read(value)
            case ast.BoolOp(values=values):
                self._all(values)
            case ast.Compare(left=left, comparators=others):
                self._comparison(node)
                self._all([left, *others])
            case ast.IfExp(test=test, body=body, orelse=orelse):
                self._all([test, body, orelse])
            case ast.Subscript(value=value, slice=index) if not isinstance(value, LITERALS):
                self._all([value, index])
            case ast.Slice(lower=lower, upper=upper, step=step):
                self._all([part for part in (lower, upper, step) if part is not None])
            case ast.Call():
                self._call(node)
            case ast.Attribute():
                raise Refused(node.lineno, f"reads {spell(node)}")
            case _:
                raise Refused(node.lineno, f"has {describe(node)}")

    def _all(self, nodes: list[ast.expr]) -> None:
        for node in nodes:
            self.read(node)

    def _items(self, nodes: list[ast.expr]) -> None:
        for node in nodes:
            if isinstance(node, ast.Starred):
                self._seen.add(node)
                node = node.value
            self.read(node)

    def _format(self, node: ast.expr, spec: ast.expr | None) -> None:
        match spec:
            case None:
                return
            case ast.JoinedStr(values=[ast.Constant(value=str(text))]) if FORMAT.fullmatch(text):
                self._seen.update(ast.walk(spec))
            case _:
                raise Refused(node.lineno, "has a format that is not certain")

    def _comparison(self, node: ast.Compare) -> None:
        operands = [node.left, *node.comparators]
        for one, operator, other in zip(operands, node.ops, node.comparators, strict=False):
            if isinstance(operator, COMPARISONS):
                continue
            single = isinstance(other, ast.Constant) and isinstance(other.value, bool | None)
            if not isinstance(operator, IDENTITIES) or not single or isinstance(one, LITERALS):
                raise Refused(node.lineno, "compares by identity")

    def _name(self, node: ast.expr, name: str) -> None:
        if name in self._known:
            return
        if name == self.consumer:
            raise Refused(node.lineno, f"uses {name}")
        if name in self._local or name.startswith("__"):
            raise Refused(node.lineno, f"uses {name}, which has no value there")
        value = self._look_up(node, name)
        if name not in self._namespace or not is_constant(value):
            raise Refused(node.lineno, f"uses {name}, {_what(value)}")

    def _look_up(self, node: ast.expr, name: str) -> Any:
        """Return what a name of the module or of Python stands for; that is noted."""
        if name in self._looked_up:
            return self._looked_up[name]
        if isinstance(self._namespace.get(name), LAZY):
            eval(name, self._namespace)  # imports it, as the handler does when it runs first
        value = self._witnesses.look(self._namespace, name)
        if value is ABSENT:
            value = self._witnesses.look(self._builtins, name)
        if value is ABSENT:
            raise Refused(node.lineno, f"uses {name}, which is not there")
        if self._source.may_rebind(name):
            raise Refused(node.lineno, f"uses {name}, which its file may bind anew")
        self._looked_up[name] = value
        return value

    # Calls

    def _call(self, node: ast.Call) -> None:
        function = node.func
        match function:
            case ast.Name(id=name) if name not in self._local:
                self._seen.add(function)
                self._call_function(node, name)
            case ast.Attribute(value=ast.Name(id=name) as module, attr="dumps") if (
                name not in self._local
            ):
                self._seen.update([function, module])
                self._require_json(node, name)
                self._dumps(node)
            case ast.Attribute(value=ast.expr() as value, attr=name) if (
                name in METHODS and not self._is_consumer(value)
            ):
                self._seen.add(function)
                self.read(value)
                self._positional(node)
                if name in WITHOUT_ARGUMENTS and node.args:
                    raise Refused(node.lineno, f"calls {spell(function)}() with an argument")
            case _:
                raise Refused(node.lineno, f"calls {spell(function)}()")

    def _is_consumer(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Name) and node.id == self.consumer

    def _call_function(self, node: ast.Call, name: str) -> None:
        value = self._look_up(node, name)
        if value is json.dumps:
            self._dumps(node)
        elif any(value is function for function in BUILTINS.values()):
            if value is dict:
                self._all([keyword.value for keyword in node.keywords])
            self._positional(node, keywords=value is dict)
        else:
            raise Refused(node.lineno, f"calls {name}()")

    def _positional(self, node: ast.Call, *, keywords: bool = False) -> None:
        """Have a call's arguments be expressions: no ``*x``, and no names but those allowed."""
        names = [keyword.arg for keyword in node.keywords]
        if None in names or (names and not keywords):
            raise Refused(node.lineno, f"calls {spell(node.func)}() with names")
        self._all(node.args)

    def _require_json(self, node: ast.Call, name: str) -> None:
        module = self._look_up(node, name)
        if module is not json or type(module) is not ModuleType:
            raise Refused(node.lineno, f"calls {name}.dumps()")

    def _dumps(self, node: ast.Call) -> None:
        self.look_at_json()
        if len(node.args) != 1:
            raise Refused(node.lineno, "calls json.dumps() with other arguments than one")
        self._all(node.args)
        for option in node.keywords:
            self._option(option)

    def _option(self, option: ast.keyword) -> None:
        match option:
            case ast.keyword(arg=name, value=ast.Constant(value=bool())) if name in FLAGS:
                self._seen.add(option.value)
            case ast.keyword(arg="indent", value=ast.Constant(value=None | int() | str())):
                self._seen.add(option.value)
            case ast.keyword(
                arg="separators",
                value=ast.Tuple(elts=[ast.Constant(value=str()), ast.Constant(value=str())]),
            ):
                self._seen.update(ast.walk(option.value))
            case ast.keyword(arg="default", value=ast.Name(id=name)) if name not in self._local:
                if self._look_up(option.value, name) is not str:
                    raise Refused(option.value.lineno, f"calls json.dumps(default={name})")
                self._seen.add(option.value)
            case _:
                raise Refused(option.value.lineno, f"calls json.dumps() with {option.arg or '**'}")


def _what(value: Any) -> str:
    """Say what is wrong with what a name stands for."""
    if isinstance(value, ModuleType):
        return "a module"
    return f"which can change: {type(value).__name__}"
