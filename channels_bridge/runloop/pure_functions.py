"""Pure functions: what a shared handler may call, as their result depends on nothing else.

With plain data as arguments (see ``is_plain``), none of these calls code of the project, and each
returns plain data again. Those written in Python, ``json.dumps`` and its encoder, can be replaced:
``json_witnesses`` says by what it is noticed.
"""

from __future__ import annotations

import builtins
import functools
import json
import json.encoder
from collections.abc import Iterable
from types import FunctionType, ModuleType
from typing import Any

from channels_bridge.runloop.refusals import ABSENT, Refused, Witness

#: Functions of Python, by their names.
BUILTINS: dict[str, Any] = {
    function.__name__: function
    for function in (
        abs,
        bool,
        dict,
        float,
        int,
        len,
        list,
        max,
        min,
        repr,
        round,
        sorted,
        str,
        sum,
        tuple,
    )
}

#: Methods of plain data that change nothing. Not ``format``, whose text may read attributes; nor
#: ``encode`` with a name, under which anybody may register a codec.
METHODS = frozenset(
    "capitalize casefold count decode encode endswith find get hex index isdigit join lower lstrip "
    "partition removeprefix removesuffix replace rfind rpartition rsplit rstrip split splitlines "
    "startswith strip title upper zfill".split()
)
WITHOUT_ARGUMENTS = frozenset({"decode", "encode"})

#: What an event consists of, as layers carry it.
SCALARS = frozenset({bool, bytes, float, int, str, type(None)})
CONTAINERS = frozenset({dict, list, tuple})

ENCODER = json.encoder.JSONEncoder
#: Of Python's json package: what runs in ``json.dumps``.
METHODS_OF_ENCODER = ("__init__", "default", "encode", "iterencode")
PARTS_OF_ENCODER = (
    "INFINITY",
    "_make_iterencode",
    "c_make_encoder",
    "encode_basestring",
    "encode_basestring_ascii",
)
#: Of Python, what these look up.
BUILTINS_OF_ENCODER = ("float", "isinstance", "list", "str", "tuple")


def is_plain(value: Any) -> bool:
    """Whether a value consists of nothing but Python's own types, subclasses excluded."""
    pending = [value]
    while pending:
        value = pending.pop()
        if type(value) in SCALARS:
            continue
        if type(value) not in CONTAINERS:
            return False
        if type(value) is dict:
            pending.extend(value)
            value = value.values()
        pending.extend(value)
    return True


def is_constant(value: Any) -> bool:
    """Whether a value is plain, and can't be changed."""
    if type(value) is tuple:
        return all(map(is_constant, value))
    return type(value) in SCALARS


def function_witnesses(function: FunctionType) -> list[Witness]:
    """By what it is noticed that a function does something else than before."""
    look = functools.partial(getattr, function)
    names = ("__code__", "__defaults__", "__kwdefaults__")
    return [(look, name, look(name)) for name in names]


def json_witnesses() -> list[Witness]:
    """By what it is noticed that ``json.dumps`` is no longer Python's.

    Raises:
        Refused: it isn't now.
    """
    dumps, encoder = json.dumps, json._default_encoder  # type: ignore[attr-defined]
    _require_ours(json, dumps, "json.dumps")
    if json.JSONEncoder is not ENCODER or type(encoder) is not ENCODER:
        raise Refused(None, "json.JSONEncoder is replaced")
    for name in METHODS_OF_ENCODER:
        _require_ours(json.encoder, vars(ENCODER).get(name), f"json.JSONEncoder.{name}")
    state = vars(ENCODER())
    if vars(encoder) != state:
        raise Refused(None, "json's encoder is changed")
    namespace, absent = vars(json.encoder), BUILTINS_OF_ENCODER
    return [
        *_entries(vars(json), ["dumps", "_default_encoder", "JSONEncoder"]),
        *_entries(vars(ENCODER), [*METHODS_OF_ENCODER, "item_separator", "key_separator"]),
        *_entries(namespace, PARTS_OF_ENCODER),
        *((namespace.get, name, ABSENT) for name in absent),
        *_entries(vars(builtins), absent),
        (lambda _, __: vars(encoder) == state, None, True),
        *function_witnesses(dumps),
        *(w for name in METHODS_OF_ENCODER for w in function_witnesses(vars(ENCODER)[name])),
    ]


def _entries(namespace: Any, names: Iterable[str]) -> list[Witness]:
    return [(namespace.get, name, namespace[name]) for name in names]


def _require_ours(module: ModuleType, function: Any, name: str) -> None:
    """Refuse what doesn't come from the module, as a wrapper or a mock doesn't."""
    if type(function) is not FunctionType or function.__globals__ is not vars(module):
        raise Refused(None, f"{name} is replaced")
