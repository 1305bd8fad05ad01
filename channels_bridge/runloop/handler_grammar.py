"""The grammar of shared handlers: what a handler may be written in, if all members are sent alike.

A handler that is accepted computes with nothing but plain data: an event's, literals, constants of
its module. Python's operators and the functions in ``pure_functions`` make plain data of plain data
and run no code of the project meanwhile, so what it sends depends on the event alone. All that is
not in this table is refused:

==================  ============================================================================
The definition      ``async def`` in an async consumer, ``def`` in a synchronous one; ``self`` and
                    one more argument; no decorator, no default, nothing of an enclosing function
Its statements      a docstring; ``name = EXPRESSION``, each name once; one send, at the end
The send            ``self.send(TEXT)``, ``self.send(text_data=TEXT)``,
                    ``self.send(bytes_data=DATA)``, ``self.send_json(CONTENT)``,
                    ``self.send_json(content=CONTENT)``, awaited in an async consumer; it may be
                    returned
Names               the event; what was assigned before; constants of the module, if they are
                    strings, bytes, numbers, booleans, None, or tuples of these
Literals            these, lists and dicts; ``*x`` and ``**x`` in them; f-strings, with formats
                    that don't ask for the locale (``n``) and are literal
Operators           ``+ - * / // %`` and ``|``; ``not``, ``and``, ``or``; comparisons, ``in``, and
                    ``is`` beside None, True or False; ``x if y else z``; ``x[y]``, ``x[y:z]``
Functions           those of ``pure_functions.BUILTINS``, with positional arguments (``dict`` with
                    names, too); ``json.dumps`` with literal options, ``default`` none but ``str``
Methods             those of ``pure_functions.METHODS``, with positional arguments
==================  ============================================================================
"""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass
from types import FunctionType, ModuleType
from typing import Any, Literal, cast

from channels_bridge.runloop.function_source import Definition
from channels_bridge.runloop.pure_functions import (
    BUILTINS,
    METHODS,
    SCALARS,
    WITHOUT_ARGUMENTS,
    is_constant,
    look_at_json,
)
from channels_bridge.runloop.refusals import Refused
from channels_bridge.runloop.witnesses import ABSENT, Witnesses

OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.BitOr)
SIGNS = (ast.Not, ast.USub, ast.UAdd)
COMPARISONS = (ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn)
IDENTITIES = (ast.Is, ast.IsNot)

#: A format that depends on nothing but the value: no ``n``, which asks for the locale.
FORMAT = re.compile(r"(.?[<>=^])?[-+ ]?z?#?0?\d*[,_]?(\.\d+)?[bcdeEfFgGosxX%]?")

#: Options of ``json.dumps``, and of what type their literals are.
FLAGS = frozenset({"allow_nan", "check_circular", "ensure_ascii", "skipkeys", "sort_keys"})

Kind = Literal["text_data", "bytes_data", "json"]

#: The methods that send, with what each of their arguments is; None: the first one without a name.
SENDS: dict[str, dict[str | None, Kind]] = {
    "send": {None: "text_data", "text_data": "text_data", "bytes_data": "bytes_data"},
    "send_json": {None: "json", "content": "json"},
}


@dataclass
class Sent:
    """What a handler that was accepted sends.

    Args:
        kind: as what.
        content: the expression that makes it.
        before: the assignments before.
    """

    kind: Kind
    content: ast.expr
    before: list[ast.stmt]


def read_handler(function: FunctionType, node: Definition, witnesses: Witnesses) -> Sent:
    """Return what a handler sends, and take down what it looks up elsewhere.

    Raises:
        Refused: it isn't certain that all members are sent the same.
    """
    return _Reading(function, node, witnesses).read()


class _Reading:
    """One handler while it is read."""

    def __init__(self, function: FunctionType, node: Definition, witnesses: Witnesses) -> None:
        self._namespace = function.__globals__
        self._builtins: dict[str, Any] = cast(Any, function).__builtins__
        self._node = node
        self._self, self._event = _arguments(function, node)
        self._local = set(function.__code__.co_varnames)
        self._known = {self._event}  # what has a value by now
        self._seen: set[ast.AST] = set()
        self._witnesses = witnesses
        self._looked_up: dict[str, Any] = {}
        self._uses_json = False

    def read(self) -> Sent:
        *before, last = self._statements()
        for statement in before:
            self._assignment(statement)
        kind, content = self._send(last)
        self._expression(content)
        self._require_all_seen([*before, content])
        if self._uses_json or kind == "json":
            look_at_json(self._witnesses)
        return Sent(kind, content, before)

    def _require_all_seen(self, nodes: list[Any]) -> None:
        """A newer Python may have more in a node than was looked at here."""
        for top in nodes:
            for node in ast.walk(top):
                if isinstance(node, ast.expr | ast.stmt) and node not in self._seen:
                    raise Refused(node.lineno, f"has {_describe(node)}")

    # Statements

    def _statements(self) -> list[ast.stmt]:
        statements = self._node.body
        if ast.get_docstring(self._node, clean=False) is not None:
            statements = statements[1:]
        if not statements:
            raise Refused(self._node.lineno, "sends nothing")
        return statements

    def _assignment(self, statement: ast.stmt) -> None:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name) as target], value=ast.expr() as value):
                pass
            case ast.AnnAssign(target=ast.Name(id=name) as target, value=ast.expr() as value):
                # Python doesn't evaluate it, here.
                self._seen.update(_expressions(statement.annotation))
            case _:
                raise Refused(statement.lineno, f"has {_describe(statement)} before the send")
        self._expression(value)
        if name in self._known or name == self._self or name.startswith("__"):
            raise Refused(statement.lineno, f"gives {name} another value")
        self._known.add(name)
        self._seen.update([statement, target])

    def _send(self, statement: ast.stmt) -> tuple[Kind, ast.expr]:
        call: Any = statement
        if isinstance(statement, ast.Expr | ast.Return):
            call = statement.value
        if isinstance(self._node, ast.AsyncFunctionDef) and isinstance(call, ast.Await):
            call = call.value
        elif isinstance(self._node, ast.AsyncFunctionDef):
            raise Refused(statement.lineno, f"has {_describe(statement)} where it should send")
        match call:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=attribute)) if (
                name == self._self and attribute in SENDS
            ):
                return _argument(call, SENDS[attribute])
        raise Refused(statement.lineno, f"has {_describe(statement)} where it should send")

    # Expressions

    def _expression(self, node: ast.expr) -> None:
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
                self._expression(value)
                self._format(node, spec)
            case ast.BinOp(left=left, op=operator, right=right) if isinstance(operator, OPERATORS):
                self._all([left, right])
            case ast.UnaryOp(op=operator, operand=value) if isinstance(operator, SIGNS):
                self._expression(value)
            case ast.BoolOp(values=values):
                self._all(values)
            case ast.Compare(left=left, comparators=others):
                self._comparison(node)
                self._all([left, *others])
            case ast.IfExp(test=test, body=body, orelse=orelse):
                self._all([test, body, orelse])
            case ast.Subscript(value=value, slice=index):
                self._all([value, index])
            case ast.Slice(lower=lower, upper=upper, step=step):
                self._all([part for part in (lower, upper, step) if part is not None])
            case ast.Call():
                self._call(node)
            case ast.Attribute(value=ast.Name(id=name), attr=attribute) if name == self._self:
                raise Refused(node.lineno, f"reads {name}.{attribute}")
            case _:
                raise Refused(node.lineno, f"has {_describe(node)}")

    def _all(self, nodes: list[ast.expr]) -> None:
        for node in nodes:
            self._expression(node)

    def _items(self, nodes: list[ast.expr]) -> None:
        for node in nodes:
            if isinstance(node, ast.Starred):
                self._seen.add(node)
                node = node.value
            self._expression(node)

    def _format(self, node: ast.expr, spec: ast.expr | None) -> None:
        match spec:
            case None:
                return
            case ast.JoinedStr(values=[ast.Constant(value=str(text))]) if FORMAT.fullmatch(text):
                self._seen.update(_expressions(spec))
            case _:
                raise Refused(node.lineno, "has a format that is not certain")

    def _comparison(self, node: ast.Compare) -> None:
        for operator, other in zip(node.ops, node.comparators, strict=True):
            if isinstance(operator, COMPARISONS):
                continue
            single = isinstance(other, ast.Constant) and isinstance(other.value, bool | None)
            if not isinstance(operator, IDENTITIES) or not single:
                raise Refused(node.lineno, "compares by identity")

    def _name(self, node: ast.expr, name: str) -> None:
        if name in self._known:
            return
        if name == self._self:
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
        value = self._witnesses.look(self._namespace, name)
        if value is ABSENT:
            value = self._witnesses.look(self._builtins, name)
        if value is ABSENT:
            raise Refused(node.lineno, f"uses {name}, which is not there")
        self._looked_up[name] = value
        return value

    # Calls

    def _call(self, node: ast.Call) -> None:
        function = node.func
        match function:
            case ast.Name(id=name) if name not in self._local:
                self._seen.add(function)
                self._call_function(node, name)
            case ast.Attribute(value=ast.Name(id=name), attr=attribute) if name == self._self:
                raise Refused(node.lineno, f"calls {name}.{attribute}()")
            case ast.Attribute(value=ast.Name(id=name) as module, attr="dumps") if (
                name not in self._local
            ):
                self._seen.update([function, module])
                self._require_json(node, name)
                self._dumps(node)
            case ast.Attribute(value=value, attr=name) if name in METHODS:
                self._seen.add(function)
                self._expression(value)
                self._positional(node)
                if name in WITHOUT_ARGUMENTS and node.args:
                    raise Refused(node.lineno, f"calls .{name}() with an argument")
            case ast.Attribute(attr=name):
                raise Refused(node.lineno, f"calls .{name}()")
            case _:
                raise Refused(node.lineno, f"calls {ast.unparse(function)}()")

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
            raise Refused(node.lineno, f"calls {ast.unparse(node.func)}() with names")
        self._all(node.args)

    def _require_json(self, node: ast.Call, name: str) -> None:
        module = self._look_up(node, name)
        if module is not json or type(module) is not ModuleType:
            raise Refused(node.lineno, f"calls {name}.dumps()")

    def _dumps(self, node: ast.Call) -> None:
        self._uses_json = True
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
                self._seen.update(_expressions(option.value))
            case ast.keyword(arg="default", value=ast.Name(id=name)) if name not in self._local:
                if self._look_up(option.value, name) is not str:
                    raise Refused(option.value.lineno, f"calls json.dumps(default={name})")
                self._seen.add(option.value)
            case _:
                raise Refused(option.value.lineno, f"calls json.dumps() with {option.arg}")


def _arguments(function: FunctionType, node: Definition) -> tuple[str, str]:
    """Return how a handler names its consumer and its event."""
    if node.decorator_list:
        raise Refused(node.lineno, "has a decorator")
    match node.args:
        case ast.arguments(
            posonlyargs=[],
            args=[ast.arg(arg=one), ast.arg(arg=two)],
            vararg=None,
            kwonlyargs=[],
            kwarg=None,
            defaults=[],
        ):
            pass
        case _:
            raise Refused(node.lineno, "takes other arguments than self and event")
    code = function.__code__
    if code.co_freevars or code.co_cellvars or function.__closure__:
        name = (*code.co_freevars, *code.co_cellvars)[0]
        raise Refused(node.lineno, f"shares {name} with another function")
    if function.__defaults__ is not None or function.__kwdefaults__ is not None:
        raise Refused(node.lineno, "has a default")
    if getattr(node, "type_params", None) or one.startswith("__") or two.startswith("__"):
        raise Refused(node.lineno, "is no plain method")
    return one, two


def _argument(call: ast.Call, names: dict[str | None, Kind]) -> tuple[Kind, ast.expr]:
    """Return the one argument of a send, and what it is."""
    match call:
        case ast.Call(args=[value], keywords=[]):
            return names[None], value
        case ast.Call(args=[], keywords=[ast.keyword(arg=name, value=value)]) if name in names:
            return names[name], value
    raise Refused(call.lineno, "sends with other arguments than one text, or one bytes_data")


def _expressions(node: ast.AST) -> list[ast.AST]:
    return list(ast.walk(node))


def _what(value: Any) -> str:
    """Say what is wrong with what a name stands for."""
    if isinstance(value, ModuleType):
        return "a module"
    return f"which can change: {type(value).__name__}"


#: What stands in a refusal for a kind of node; the others under their own names.
_WORDS = {
    ast.Assign: "an assignment",
    ast.AsyncFor: "a loop",
    ast.AsyncWith: "a with statement",
    ast.Attribute: "an attribute that is read",
    ast.Await: "an await",
    ast.AugAssign: "an assignment",
    ast.DictComp: "a comprehension",
    ast.Expr: "a statement",
    ast.For: "a loop",
    ast.GeneratorExp: "a comprehension",
    ast.If: "an if statement",
    ast.ListComp: "a comprehension",
    ast.NamedExpr: "an assignment",
    ast.SetComp: "a comprehension",
    ast.Set: "a set",
    ast.Starred: "a starred argument",
    ast.Try: "a try statement",
    ast.While: "a loop",
    ast.With: "a with statement",
    ast.Yield: "a yield",
}


def _describe(node: ast.AST) -> str:
    """Name a part of a handler, for its author."""
    if isinstance(node, ast.Expr):
        node = node.value
        if isinstance(node, ast.Await):
            node = node.value
        if isinstance(node, ast.Call):
            return f"{ast.unparse(node.func)}()"
    return _WORDS.get(type(node), f"the syntax {type(node).__name__}")
