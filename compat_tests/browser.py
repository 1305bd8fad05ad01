"""Chromium, as Debian has it: a real browser for tests."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

BROWSER = shutil.which("chromium") or "/usr/bin/chromium"
DRIVER = shutil.which("chromedriver") or "/usr/bin/chromedriver"
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1000,760",
)


def require_chromium() -> None:
    """Skip the test where there is no Chromium, but fail it in CI."""
    missing = [path for path in (BROWSER, DRIVER) if not Path(path).exists()]
    if missing:
        text = f"needs {' and '.join(missing)}: install Debian's chromium and chromium-driver"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(text)


def open_chromium(profile: str | os.PathLike[str]) -> Chrome:
    """A window, whose cookies and the like go into the directory ``profile``. Quit it at
    the end.
    """
    from selenium.webdriver import Chrome, ChromeOptions
    from selenium.webdriver.chrome.service import Service

    options = ChromeOptions()
    options.binary_location = BROWSER
    for flag in (*FLAGS, f"--user-data-dir={os.fspath(profile)}"):
        options.add_argument(flag)
    return Chrome(options=options, service=Service(DRIVER))
