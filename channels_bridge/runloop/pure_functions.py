"""Pure functions: what a shared handler may call, as their result depends on nothing else.

With plain data as arguments (see ``is_plain``), none of these calls code of the project, and each
returns plain data again. Those written in Python, ``json.dumps`` and its encoder, can be replaced:
``look_at_json`` takes down by what it is noticed.
"""

from __future__ import annotations

import _json
import builtins
import json
import json.encoder
from types import FunctionType, ModuleType
from typing import Any

from channels_bridge.runloop.refusals import Refused
from channels_bridge.runloop.witnesses import Witnesses

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
#: Of ``json.dumps``, what is taken for granted.
OPTIONS: dict[str, Any] = {
    "skipkeys": False,
    "ensure_ascii": True,
    "check_circular": True,
    "allow_nan": True,
    "cls": None,
    "indent": None,
    "separators": None,
    "default": None,
    "sort_keys": False,
}
#: Of Python, what these look up.
BUILTINS_OF_ENCODER = ("float", "isinstance", "list", "sorted", "str", "tuple")


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


def look_at_json(witnesses: Witnesses) -> None:
    """Have ``json.dumps`` be Python's, and take down by what it is noticed that it no longer is.

    Raises:
        Refused: it isn't now.
    """
    dumps: Any = json.dumps
    encoder = json._default_encoder  # type: ignore[attr-defined]
    _require_ours(json, dumps, "json.dumps")
    if json.JSONEncoder is not ENCODER or type(encoder) is not ENCODER or not _is_genuine():
        raise Refused(None, "json.JSONEncoder is replaced")
    indented = vars(json.encoder)["_make_iterencode"]  # which C doesn't do
    _require_ours(json.encoder, indented, "json's encoder")
    witnesses.look_at_function(indented)
    for name in METHODS_OF_ENCODER:
        _require_ours(json.encoder, vars(ENCODER).get(name), f"json.JSONEncoder.{name}")
        witnesses.look_at_function(vars(ENCODER)[name])
    if vars(encoder) != vars(ENCODER()):
        raise Refused(None, "json's encoder is changed")
    # What a call's options are unless it says so. The dict may be changed, and is still the same.
    if dumps.__kwdefaults__ != OPTIONS:
        raise Refused(None, "json.dumps has other defaults")
    witnesses.look_all(dumps.__kwdefaults__, OPTIONS)
    witnesses.look_at_function(dumps)
    witnesses.look_at(json, ["__class__"])  # which may be one that has attributes of its own
    witnesses.look_all(vars(json), ("dumps", "_default_encoder", "JSONEncoder"))
    witnesses.look_all(vars(encoder), {*vars(encoder), *METHODS_OF_ENCODER})
    witnesses.look_all(vars(ENCODER), (*METHODS_OF_ENCODER, "item_separator", "key_separator"))
    witnesses.look_all(vars(json.encoder), PARTS_OF_ENCODER + BUILTINS_OF_ENCODER)
    witnesses.look_all(vars(builtins), BUILTINS_OF_ENCODER)


def _is_genuine() -> bool:
    """Whether the encoder is Python's, and does its work in C."""
    parts = vars(json.encoder)
    return (
        ENCODER.__module__ == json.encoder.__name__ == "json.encoder"
        and parts["c_make_encoder"] is _json.make_encoder
        and parts["encode_basestring"] is _json.encode_basestring
        and parts["encode_basestring_ascii"] is _json.encode_basestring_ascii
    )


def _require_ours(module: ModuleType, function: Any, name: str) -> None:
    """Refuse what doesn't come from the module, as a wrapper or a mock doesn't."""
    if type(function) is not FunctionType or function.__globals__ is not vars(module):
        raise Refused(None, f"{name} is replaced")
