"""The admin's pages in Chromium: under a strict policy, on narrow screens, with few clicks."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait
from websockets.exceptions import ConnectionClosed

from compat_tests.admin.conftest import CONNECTIONS, GROUPS
from compat_tests.admin.desk import USER, Desk, open_desk
from compat_tests.browser import open_chromium, require_chromium


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    require_chromium()
    with tempfile.TemporaryDirectory(prefix="cb-") as directory, open_desk(Path(directory)) as desk:
        yield desk


@pytest.fixture(scope="module")
def driver(desk: Desk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """A window in which somebody of the staff has logged in."""
    driver = open_chromium(tmp_path_factory.mktemp("profile"))
    driver.get(f"{desk.server.url}/admin/")
    for name, value in USER.items():
        driver.find_element(By.NAME, name).send_keys(value)
    driver.find_element(By.CSS_SELECTOR, "[type=submit]").click()
    WebDriverWait(driver, 20).until(lambda driver: driver.find_elements(By.ID, "user-tools"))
    yield driver
    driver.quit()


def click(driver: Chrome, text: str) -> None:
    driver.find_element(By.LINK_TEXT, text).click()


def until_at(driver: Chrome, end: str) -> None:
    """Wait for a page: what is clicked next is on that one."""
    WebDriverWait(driver, 20).until(lambda driver: driver.current_url.endswith(end))
    WebDriverWait(driver, 20).until(lambda driver: driver.find_elements(By.ID, "footer"))


def test_by_clicks(desk: Desk, driver: Chrome) -> None:
    """From the admin's index to a connection that is closed, and back to the same list."""
    with desk.connect("room.clicks") as client, desk.connect("room.stays") as other:
        driver.get(f"{desk.server.url}/admin/")
        click(driver, "Connections")
        until_at(driver, CONNECTIONS)
        driver.find_element(By.ID, "searchbar").send_keys("clicks\n")
        until_at(driver, f"{CONNECTIONS}?q=clicks&o=newest")
        click(driver, "Close")
        until_at(driver, "/close/?_changelist_filters=q%3Dclicks%26o%3Dnewest")
        driver.find_element(By.NAME, "reason").send_keys("enough")
        driver.find_element(By.CSS_SELECTOR, ".submit-row [type=submit]").click()
        until_at(driver, f"{CONNECTIONS}?q=clicks&o=newest")
        assert "was closed with code 1000" in driver.find_element(By.CLASS_NAME, "success").text
        with pytest.raises(ConnectionClosed, match="enough"):
            client.recv(timeout=20)
        assert other.ping().wait(20)


@pytest.mark.parametrize("width", [390, 1200])
def test_pages_fit(desk: Desk, driver: Chrome, width: int) -> None:
    """Pages are never wider than the screen: tables scroll by themselves; nothing is refused."""
    with ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(desk.connect("room.a-group-with-a-rather-long-name"))
        driver.set_window_size(width, 800)
        driver.get_log("browser")  # of other pages
        for page in (CONNECTIONS, GROUPS, f"{GROUPS}room.a-group-with-a-rather-long-name/change/"):
            driver.get(desk.server.url + page)
            assert fits(driver), page
        driver.get(desk.server.url + CONNECTIONS)
        driver.find_elements(By.LINK_TEXT, "Close")[0].click()
        until_at(driver, "/close/")
        assert fits(driver)
        severe = [entry for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]
        assert [entry for entry in severe if "favicon" not in entry["message"]] == []


def fits(driver: Chrome) -> bool:
    """Whether the page can't be scrolled sideways."""
    root = "document.documentElement"
    return bool(driver.execute_script(f"return {root}.scrollWidth <= {root}.clientWidth"))
