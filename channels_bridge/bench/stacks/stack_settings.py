"""The settings of a served project: its own, but for those that the stack decides.

Stack and project come from the environment: see ``Stack.serve``.
"""

from __future__ import annotations

import json
import os
from importlib import import_module
from types import ModuleType


def upper(module: ModuleType) -> dict[str, object]:
    """The settings in a module, by Django's rule for their names."""
    return {name: value for name, value in vars(module).items() if name.isupper()}


globals().update(upper(import_module(os.environ["BENCH_SETTINGS"])))

ASGI_APPLICATION = os.environ["BENCH_APPLICATION"]
ALLOWED_HOSTS = [*globals().get("ALLOWED_HOSTS", []), "127.0.0.1"]
INSTALLED_APPS = list(
    dict.fromkeys([*os.environ["BENCH_APPS"].split(), *globals().get("INSTALLED_APPS", [])])
)
if layers := json.loads(os.environ["BENCH_LAYERS"]):
    CHANNEL_LAYERS = layers
if threads := os.environ.get("BENCH_SYNC_THREADS"):
    WEBSOCKET_SYNC_THREADS = int(threads)
