"""Channels' tutorial in Chromium, after ``python -m channels_bridge.migrate --write`` alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

from channels_bridge.migrate.__main__ import main
from compat_tests.browser import open_chromium, require_chromium
from compat_tests.servers import REPOSITORY, Server, websockets_server
from compat_tests.swap.replace import copy

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

PROJECT = REPOSITORY / "compat_tests/migrate/sample"
DEADLINE = 30  # seconds
WINDOWS = 3  # of which two workers cannot have one each

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """The project on two workers."""
    project = copy(PROJECT, tmp_path)
    assert main([str(project), "--write"]) == 0
    env = {"DJANGO_SETTINGS_MODULE": "mysite.settings"}
    with websockets_server(project, workers=2, env=env) as server:
        yield server


@pytest.fixture
def windows(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Chrome]]:
    """Windows of one room, all connected."""
    require_chromium()
    with ExitStack() as stack:
        drivers = []
        for _ in range(WINDOWS):
            driver = open_chromium(tmp_path_factory.mktemp("profile"))
            stack.callback(driver.quit)
            driver.get(f"{server.url}/chat/lobby/")
            WebDriverWait(driver, DEADLINE).until(lambda window: window.title == "open")
            drivers.append(driver)
        yield drivers


def log(driver: Chrome) -> list[str]:
    """What a window shows of the chat."""
    return [line.text for line in driver.find_elements(By.CSS_SELECTOR, "#log li")]


def test_chat(windows: list[Chrome]) -> None:
    """What is said in one window appears in all."""
    windows[0].find_element(By.ID, "input").send_keys("hello" + Keys.ENTER)
    for window in windows:
        WebDriverWait(window, DEADLINE).until(lambda one: log(one) == ["hello"])
