"""Modules of ``channels`` under the same names in this package: aliases and extensions.

Code written for Channels names its modules in imports, in settings and in ``mock.patch``. Each of
these takes effect with ``channels_bridge`` in the place of ``channels``:

- A module that adds nothing *is* Channels' module: ``alias()`` binds its name to that.
  ``channels_bridge.db is channels.db``, so what is patched in one is patched in the other.
- A module with names of its own, such as ``layers``, keeps those and shares all others with
  Channels' module: ``extend()`` reads and sets them there.
- ``apps`` and ``testing.live`` differ, and have nothing but names in common with Channels'. So do
  packages, whose submodules must be found in their own folders.

Such files also say ``from channels.x import *``, for those who read them without running them:
type checkers and editors.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any


def alias(name: str) -> None:
    """Replace the module of this name by Channels' own; called in its last line."""
    sys.modules[name] = _upstream(name)


def extend(name: str) -> None:
    """Share with Channels' module all names but those defined here; called in the last line."""
    module, upstream = sys.modules[name], _upstream(name)
    names = {shared for shared in vars(upstream) if not shared.startswith("__")} - {*vars(module)}
    vars(module)["__all__"] = sorted(names.union(module.__all__))
    # Descriptors need a class: with one of its own, a module may have them, and mock and pytest
    # can patch what they give.
    shared = {name: _Shared(upstream, name) for name in names}
    module.__class__ = type("ExtensionModule", (_ExtensionModule,), shared)


class _ExtensionModule(ModuleType):
    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self.__all__})


class _Shared:
    """An attribute of one module that is read, set and deleted in another."""

    def __init__(self, module: ModuleType, name: str) -> None:
        self.module = module
        self.name = name

    def __get__(self, instance: object, owner: type) -> Any:
        return getattr(self.module, self.name)

    def __set__(self, instance: object, value: object) -> None:
        setattr(self.module, self.name, value)

    def __delete__(self, instance: object) -> None:
        delattr(self.module, self.name)


def _upstream(name: str) -> ModuleType:
    return import_module("channels" + name.removeprefix("channels_bridge"))
