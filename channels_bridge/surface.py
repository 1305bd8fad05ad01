"""How the modules of ``channels`` are to be had under the same names in this package.

Code written for Channels names its modules in imports, in settings and in ``mock.patch``. Each of
these takes effect with ``channels_bridge`` in the place of ``channels``:

- A module that adds nothing *is* Channels' module: :func:`alias` makes the name lead there.
  ``channels_bridge.db is channels.db``, so what is patched in one is patched in the other.
- A module with names of its own, such as ``layers``, keeps those and shares all others with
  Channels' module: :func:`extend` makes reading and setting them happen there.
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

__all__ = ["alias", "extend"]


def alias(name: str) -> None:
    """Make the module of this name Channels' own; for its last line to call."""
    sys.modules[name] = _upstream(name)


def extend(name: str) -> None:
    """Share with Channels' module all names but those that are here; for the last line to call."""
    module, upstream = sys.modules[name], _upstream(name)
    own = vars(module)
    public = {name for name in vars(upstream) if not name.startswith("_")}
    own["__all__"] = sorted(public.union(own["__all__"]))
    own["__upstream__"] = upstream
    own["__own__"] = frozenset(own)
    module.__class__ = _Extension


class _Extension(ModuleType):
    """A module that keeps the names it has at first, and finds all others in Channels' module."""

    __upstream__: ModuleType
    __own__: frozenset[str]

    def __getattr__(self, name: str) -> Any:
        try:
            return getattr(self.__upstream__, name)
        except AttributeError:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}") from None

    def __setattr__(self, name: str, value: object) -> None:
        if name in self.__own__:
            super().__setattr__(name, value)
        else:
            setattr(self.__upstream__, name, value)

    def __delattr__(self, name: str) -> None:
        if name in self.__own__:
            super().__delattr__(name)
        else:
            delattr(self.__upstream__, name)

    def __dir__(self) -> list[str]:
        return sorted({*vars(self), *vars(self.__upstream__)})


def _upstream(name: str) -> ModuleType:
    return import_module("channels" + name.removeprefix("channels_bridge"))
