"""Channels' consumers, as a proof of a handler knows them: what ``self.send()`` comes to.

A proof holds for classes in which nothing but Channels' own methods stands between the handler and
the connection, and for those releases of Channels whose methods are known here. Whatever else is
found, in the class, in a mixin or in Channels itself, is a refusal.
"""

from __future__ import annotations

import ast
import builtins
import functools
import hashlib
import json
from types import CodeType, FunctionType, GetSetDescriptorType
from typing import Any

from channels import consumer
from channels.consumer import AsyncConsumer, SyncConsumer
from channels.db import DatabaseSyncToAsync
from channels.generic import websocket
from channels.generic.websocket import (
    AsyncJsonWebsocketConsumer,
    AsyncWebsocketConsumer,
    JsonWebsocketConsumer,
    WebsocketConsumer,
)

from channels_bridge.runloop.function_source import read_source
from channels_bridge.runloop.refusals import Refused
from channels_bridge.runloop.witnesses import ABSENT, Witnesses

#: What Channels' classes have of ``NAMES``: methods, with the digest of each one's source.
KNOWN: dict[type, dict[str, str]] = {
    AsyncConsumer: {"dispatch": "8acee1bceaa8", "send": "b677b416ae3d"},
    SyncConsumer: {"dispatch": "eb52bb02e141", "send": "4ce5f7f240f6"},
    WebsocketConsumer: {"send": "2c4414ae1fea"},
    JsonWebsocketConsumer: {"encode_json": "888be2042ee1", "send_json": "b50a06cef649"},
    AsyncWebsocketConsumer: {"send": "a06f78fa02bb"},
    AsyncJsonWebsocketConsumer: {"encode_json": "da7c59b083e4", "send_json": "f4223c64a9c3"},
}

#: Which of these a consumer has, in the order in which methods are looked up.
CHAINS = (
    (AsyncWebsocketConsumer, AsyncConsumer),
    (AsyncJsonWebsocketConsumer, AsyncWebsocketConsumer, AsyncConsumer),
    (WebsocketConsumer, SyncConsumer, AsyncConsumer),
    (JsonWebsocketConsumer, WebsocketConsumer, SyncConsumer, AsyncConsumer),
)

#: What no other class may have: between a handler and its connection, or before a look-up.
NAMES = (
    "__class__",
    "__getattr__",
    "__getattribute__",
    "base_send",
    "dispatch",
    "encode_json",
    "send",
    "send_json",
)


def require_upstream(owner: type, witnesses: Witnesses) -> tuple[type, ...]:
    """Return which of Channels' classes a consumer has, and take down what is found in all of them.

    Raises:
        Refused: what it sends does not go straight to its connection, as far as is known here.
    """
    if type(owner) is not type:
        raise Refused(None, f"its class has a metaclass, {type(owner).__name__}")
    mro = owner.__mro__[:-1]  # without object, which can't be changed
    chain = tuple(of_channels for of_channels in mro if of_channels in KNOWN)
    if chain not in CHAINS:
        raise Refused(None, "its class is none of Channels' WebSocket consumers")
    witnesses.look_at(owner, ("__mro__", "__class__"))
    for cls in mro:
        if cls in KNOWN:
            _require_known(cls, witnesses)
        else:
            _require_aside(cls, witnesses)
    _look_at_globals(chain, witnesses)
    return chain


def _require_known(cls: type, witnesses: Witnesses) -> None:
    """Have a class of Channels' be as it is known."""
    known = KNOWN[cls]
    for name in NAMES:
        entry = witnesses.look(vars(cls), name)
        if name in known:
            function = _function_of(entry)
            if function is None or not _is_known(function, known[name]):
                raise Refused(None, f"{cls.__name__}.{name} is not as in Channels 4.2 and 4.3")
            witnesses.look_at_function(function)
        elif entry is not ABSENT:
            raise Refused(None, f"{cls.__name__} has a {name} that is not known here")


def _require_aside(cls: type, witnesses: Witnesses) -> None:
    """Have a class of the project's stand aside."""
    for name in NAMES:
        if witnesses.look(vars(cls), name) is not ABSENT:
            raise Refused(None, f"{cls.__name__} has a {name} of its own")
    # Only then an instance's attributes are where one looks for them.
    attributes = witnesses.look(vars(cls), "__dict__")
    if attributes is not ABSENT and type(attributes) is not GetSetDescriptorType:
        raise Refused(None, f"{cls.__name__} has a __dict__ of its own")


def _look_at_globals(chain: tuple[type, ...], witnesses: Witnesses) -> None:
    """What Channels' methods look up besides: how they reach each other, and json."""
    witnesses.look_all(vars(builtins), ["super"])
    if witnesses.look(vars(websocket), "super") is not ABSENT:
        raise Refused(None, "super is replaced in channels.generic.websocket")
    if "send_json" in KNOWN[chain[0]] and witnesses.look(vars(websocket), "json") is not json:
        raise Refused(None, "json is replaced in channels.generic.websocket")


def _function_of(entry: Any) -> FunctionType | None:
    """Return what is written in Channels' source, if that is what the entry runs."""
    if type(entry) is classmethod:
        entry = entry.__func__
    elif type(entry) is DatabaseSyncToAsync:
        entry = entry.func
    if type(entry) is not FunctionType:
        return None
    is_theirs = any(entry.__globals__ is vars(module) for module in (consumer, websocket))
    return entry if is_theirs else None


def _is_known(function: FunctionType, digest: str) -> bool:
    """Whether a function is that of the source with this digest, and has the defaults there."""
    known, defaults = _source(function, function.__code__)
    return known == digest and (function.__defaults__ or ()) == defaults


@functools.lru_cache(maxsize=64)
def _source(function: FunctionType, code: CodeType) -> tuple[str, tuple[Any, ...]]:
    """Return the digest of a function's source, as in compat_tests/surface/pins.py, and defaults.

    Args:
        code: of the function, as it is now: it may be given another one.
    """
    source = read_source(function)
    source.require_same()
    defaults = tuple(map(ast.literal_eval, source.node.args.defaults))
    return hashlib.sha256(source.text.encode()).hexdigest()[:12], defaults
