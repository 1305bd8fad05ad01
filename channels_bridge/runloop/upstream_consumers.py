"""Channels' consumers, as a proof of a handler knows them: what ``self.send()`` comes to.

A proof holds for classes in which nothing but Channels' own methods stands between the handler and
the connection, and for those releases of Channels whose methods are known here. Whatever else is
found, in the class, in a mixin or in Channels itself, is a refusal.
"""

from __future__ import annotations

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
from channels_bridge.runloop.pure_functions import function_witnesses
from channels_bridge.runloop.refusals import ABSENT, Refused, Witness

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


def require_upstream(owner: type) -> tuple[tuple[type, ...], list[Witness]]:
    """Return which of Channels' classes a consumer has, and by what it is noticed that it changed.

    Raises:
        Refused: what it sends does not go straight to its connection, as far as is known here.
    """
    if type(owner) is not type:
        raise Refused(None, f"its class has a metaclass, {type(owner).__name__}")
    mro = owner.__mro__[:-1]  # without object, which can't be changed
    chain = tuple(of_channels for of_channels in mro if of_channels in KNOWN)
    if chain not in CHAINS:
        raise Refused(None, "its class is none of Channels' WebSocket consumers")
    look = functools.partial(getattr, owner)
    witnesses: list[Witness] = [(look, "__mro__", owner.__mro__), (look, "__class__", type)]
    for of_channels in chain:
        witnesses += _known_class(of_channels)
    for other in mro:
        if other not in KNOWN:
            witnesses += _other_class(other)
    return chain, witnesses + _globals_of_channels(chain)


def _known_class(of_channels: type) -> list[Witness]:
    """Have a class of Channels' be as it is known."""
    known = KNOWN[of_channels]
    entries = vars(of_channels)
    witnesses: list[Witness] = []
    for name in NAMES:
        entry = entries.get(name, ABSENT)
        witnesses.append((entries.get, name, entry))
        if name in known:
            function = _function_of(entry)
            if function is None or _digest(function, function.__code__) != known[name]:
                path = f"{of_channels.__name__}.{name}"
                raise Refused(None, f"{path} is not as Channels 4.2 and 4.3 have it")
            witnesses += function_witnesses(function)
        elif entry is not ABSENT:
            raise Refused(None, f"{of_channels.__name__} has a {name} that is not known here")
    return witnesses


def _other_class(other: type) -> list[Witness]:
    """Have a class of the project's stand aside."""
    entries = vars(other)
    for name in NAMES:
        if name in entries:
            raise Refused(None, f"{other.__name__} has a {name} of its own")
    attributes = entries.get("__dict__", ABSENT)
    if attributes is not ABSENT and type(attributes) is not GetSetDescriptorType:
        raise Refused(None, f"{other.__name__} has a __dict__ of its own")
    # Where a class has no entry, an instance's own attributes are all that could stand before.
    return [
        (entries.get, "__dict__", attributes),
        *((entries.get, name, ABSENT) for name in NAMES),
    ]


def _globals_of_channels(chain: tuple[type, ...]) -> list[Witness]:
    """What Channels' methods look up besides: how they reach each other, and json."""
    namespace = vars(websocket)
    witnesses: list[Witness] = [
        (namespace.get, "super", ABSENT),
        (vars(builtins).get, "super", super),
    ]
    if "send_json" in KNOWN[chain[0]]:
        if namespace.get("json") is not json:
            raise Refused(None, "json is replaced in channels.generic.websocket")
        witnesses.append((namespace.get, "json", json))
    return witnesses


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


@functools.lru_cache(maxsize=64)
def _digest(function: FunctionType, code: CodeType) -> str:
    """Of a function's source, as compat_tests/surface/pins.py makes them; by its code, too."""
    return hashlib.sha256(read_source(function).text.encode()).hexdigest()[:12]
