"""An import hook that puts our live server into ``channels.testing`` where Daphne is not installed.

``channels.testing`` imports its ``live``, and that Daphne: without it, communicators couldn't be
imported, either. The hook answers for that one module, and loads ours only once a test asks for it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec, spec_from_loader
from types import ModuleType

__all__ = ["are_needed", "install"]

UPSTREAM = "channels.testing.live"
OURS = "channels_bridge.testing.live"


class _LiveTests(MetaPathFinder, Loader):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return spec_from_loader(fullname, self) if fullname == UPSTREAM else None

    def exec_module(self, module: ModuleType) -> None:
        """Put ours under the name: the import returns what is there afterwards."""
        sys.modules[UPSTREAM] = import_module(OURS)


_hook = _LiveTests()


def are_needed() -> bool:
    """Whether Daphne is missing, and nothing has been done about that yet."""
    return find_spec("daphne") is None and _hook not in sys.meta_path


def install() -> None:
    """Let the import of ``channels.testing`` find ours from now on."""
    sys.meta_path.insert(0, _hook)
