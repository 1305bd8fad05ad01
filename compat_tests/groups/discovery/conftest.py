"""The settings module and the runtime directory of one test."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from django.conf import LazySettings

from channels_bridge.groups.discovery.runtime_directory import (
    project_directory,
)


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch, settings: LazySettings) -> Callable[..., Path]:
    """Makes a settings module the one in use, as if it had been imported from a file."""

    def use(name: str, file: Path | str, *, package: bool = False) -> Path:
        module = ModuleType(name)
        module.__file__ = str(file)
        if package:
            module.__path__ = [str(Path(file).parent)]
        monkeypatch.setitem(sys.modules, name, module)
        settings.SETTINGS_MODULE = name
        return project_directory()

    return use


@pytest.fixture
def base(settings: LazySettings, socket_dir: Path) -> Path:
    settings.WEBSOCKET_RUNTIME_DIR = str(socket_dir)
    return socket_dir
