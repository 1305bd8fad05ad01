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
import inspect
from dataclasses import dataclass
from types import FunctionType
from typing import Literal

from channels_bridge.runloop.function_source import Definition, FunctionSource
from channels_bridge.runloop.handler_expressions import Expressions
from channels_bridge.runloop.refusals import Refused, describe
from channels_bridge.runloop.witnesses import Witnesses

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


def read_handler(source: FunctionSource, witnesses: Witnesses) -> Sent:
    """Return what a handler sends, and take down what it looks up elsewhere.

    Raises:
        Refused: it isn't certain that all members are sent the same.
    """
    function, node = source.function, source.node
    _require_plain(function, node)
    expressions = Expressions(source, witnesses)
    *before, last = _statements(node)
    for statement in before:
        _read_assignment(statement, expressions)
    call = _send(last, is_async=isinstance(node, ast.AsyncFunctionDef))
    kind, content = _content(call, expressions.consumer)
    expressions.read(content)
    expressions.require_all_seen([*before, content])
    if inspect.isgeneratorfunction(function):  # a call of it runs nothing of it
        raise Refused(node.lineno, "has a yield")
    if kind == "json":
        expressions.look_at_json()
    return Sent(kind, content, before)


def _require_plain(function: FunctionType, node: Definition) -> None:
    """Have a handler take a consumer and an event, and nothing else from anywhere."""
    if node.decorator_list:
        raise Refused(node.lineno, "has a decorator")
    match node.args:
        case ast.arguments(
            posonlyargs=[], args=[one, two], vararg=None, kwonlyargs=[], kwarg=None, defaults=[]
        ):
            mangled = one.arg.startswith("__") or two.arg.startswith("__")
        case _:
            raise Refused(node.lineno, "takes other arguments than self and event")
    code = function.__code__
    if code.co_freevars or code.co_cellvars or function.__closure__:
        (name, *_) = code.co_freevars + code.co_cellvars
        raise Refused(node.lineno, f"shares {name} with another function")
    if function.__defaults__ is not None or function.__kwdefaults__ is not None:
        raise Refused(node.lineno, "has a default")
    if getattr(node, "type_params", None) or mangled:
        raise Refused(node.lineno, "is no plain method")


def _statements(node: Definition) -> list[ast.stmt]:
    """All but the docstring."""
    statements = node.body
    if ast.get_docstring(node, clean=False) is not None:
        statements = statements[1:]
    if not statements:
        raise Refused(node.lineno, "sends nothing")
    return statements


def _read_assignment(statement: ast.stmt, expressions: Expressions) -> None:
    match statement:
        case ast.Assign(targets=[ast.Name(id=name) as target], value=ast.expr() as value):
            pass
        case ast.AnnAssign(target=ast.Name(id=name) as target, value=ast.expr() as value, simple=1):
            expressions.see(ast.walk(statement.annotation))  # which Python doesn't evaluate there
        case _:
            raise Refused(statement.lineno, f"has {describe(statement)} before the send")
    expressions.read(value)
    expressions.assign(statement, name)
    expressions.see([statement, target])


def _send(statement: ast.stmt, *, is_async: bool) -> ast.expr:
    """Return what the last statement calls, awaited where that is needed."""
    value: ast.expr | None = None
    if isinstance(statement, ast.Expr | ast.Return):
        value = statement.value
    if is_async:
        value = value.value if isinstance(value, ast.Await) else None
    if value is None:
        raise Refused(statement.lineno, f"has {describe(statement)} where it should send")
    return value


def _content(call: ast.expr, consumer: str) -> tuple[Kind, ast.expr]:
    """Return what the one argument of a send is, and as what it is sent."""
    match call:
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method)) if (
            name == consumer and method in SENDS
        ):
            names = SENDS[method]
        case _:
            raise Refused(call.lineno, f"has {describe(call)} where it should send")
    match call:
        case ast.Call(args=[value], keywords=[]):
            return names[None], value
        case ast.Call(args=[], keywords=[ast.keyword(arg=str(key), value=value)]) if key in names:
            return names[key], value
    raise Refused(call.lineno, "sends with other arguments than one text, or one bytes_data")
