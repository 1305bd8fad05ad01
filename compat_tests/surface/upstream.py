"""The surface of Channels: its modules, with public names, their signatures and attributes.

``DJANGO_SETTINGS_MODULE=compat_tests.settings python -m compat_tests.surface.upstream`` writes down
what the installed version offers.
"""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
from pathlib import Path
from types import ModuleType
from typing import Any

import channels

RECORD = Path(__file__).with_name("surface.json")


def module_names() -> list[str]:
    """Every module of the installed Channels, its packages included."""
    found = pkgutil.walk_packages(channels.__path__, "channels.")
    return ["channels", *(module.name for module in found)]


def counterpart(name: str) -> ModuleType:
    """The module of the same place in this package."""
    return importlib.import_module("channels_bridge" + name.removeprefix("channels"))


def public(module: ModuleType) -> dict[str, Any]:
    """The names of a module that a project may import from there, modules aside."""
    return {
        name: value
        for name, value in vars(module).items()
        if not name.startswith("_") and not isinstance(value, ModuleType)
    }


def defined(module: ModuleType) -> dict[str, Any]:
    """Those that are of its own making, and not imported into it."""
    return {
        name: value
        for name, value in public(module).items()
        if getattr(value, "__module__", module.__name__) == module.__name__
    }


def describe(value: Any) -> Any:
    """An object's signature or type; of a class, those of its attributes."""
    if inspect.isclass(value):
        return {name: describe(getattr(value, name)) for name in attributes(value)}
    return signature(value) if callable(value) else type(value).__name__


def attributes(value: type) -> list[str]:
    """The public names that a class adds to its bases, and its constructor if it does."""
    return sorted(name for name in vars(value) if name == "__init__" or not name.startswith("_"))


def signature(value: Any) -> str:
    """How to call it: names and defaults. What is annotated differs without effect."""
    try:
        parameters = inspect.signature(value).parameters.values()
    except ValueError:
        return type(value).__name__
    return ", ".join(
        str(parameter.replace(annotation=inspect.Parameter.empty)) for parameter in parameters
    )


def surface() -> dict[str, Any]:
    """All that the installed Channels defines, in the form of the file ``surface.json``."""
    modules = {name: importlib.import_module(name) for name in module_names()}
    return {
        name: {key: describe(value) for key, value in sorted(defined(module).items())}
        for name, module in modules.items()
    }


if __name__ == "__main__":
    import django

    django.setup()
    record = {"version": channels.__version__, "modules": surface()}
    RECORD.write_text(json.dumps(record, indent=1) + "\n")
