"""Consumers written into files of their own, as a proof reads the source of handlers."""

from __future__ import annotations

import textwrap
from importlib.util import module_from_spec, spec_from_file_location
from itertools import count
from pathlib import Path
from typing import Any

MODULE = """
import decimal, functools, json, logging, random, time
import json as other_json
from json import dumps
from channels.generic.websocket import (
    AsyncJsonWebsocketConsumer, AsyncWebsocketConsumer, JsonWebsocketConsumer, WebsocketConsumer)

PREFIX = "prefix"
LIMIT = 3
CHOICES = ("one", 2, None)
TABLE = {{"a": 1}}
REBOUND = 1
text = str
logger = logging.getLogger("handlers")

def rebind():
    global REBOUND, \\
        text
    REBOUND += 1

def helper(text):
    return text

def decorator(method):
    return method

def returned(method):
    return lambda *args: method(*args)

class Room({base}):
    user = "somebody"
{handlers}
"""

numbers = count()


def write_module(directory: Path, handlers: str, base: str = "AsyncWebsocketConsumer") -> Any:
    """Import a module with one consumer, ``Room``, which has these methods."""
    path = directory / f"handlers_{next(numbers)}.py"
    body = textwrap.indent(textwrap.dedent(handlers), "    ")
    path.write_text(MODULE.format(base=base, handlers=body), encoding="utf-8")
    spec = spec_from_file_location(path.stem, path)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write_room(directory: Path, handlers: str, base: str = "AsyncWebsocketConsumer") -> type:
    """Return a consumer that has these methods."""
    return write_module(directory, handlers, base).Room


def run(owner: type, name: str, event: dict[str, Any]) -> list[dict[str, Any]]:
    """Have a handler handle an event, and return what its consumer has sent by then.

    Raises:
        Exception: what the handler raised.
    """
    sent: list[dict[str, Any]] = []
    consumer: Any = owner()

    async def send(message):
        sent.append(message)

    consumer.base_send = sent.append if consumer._sync else send
    handled = getattr(consumer, name)(event)
    if not consumer._sync:
        try:
            handled.send(None)
        except StopIteration:
            pass
        else:
            raise AssertionError("it waits for something")
    return sent
