"""One server and one browser for these tests; each has a room of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver import Chrome

from compat_tests.browser import open_chromium, require_chromium
from compat_tests.resume.browser.tutorial import Tab, Tutorial, serving


@pytest.fixture(scope="package")
def served() -> Iterator[Tutorial]:
    require_chromium()
    with tempfile.TemporaryDirectory(prefix="cb-") as directory, serving(Path(directory)) as site:
        yield site


@pytest.fixture(scope="package")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    require_chromium()
    driver = open_chromium(tmp_path_factory.mktemp("profile"))
    yield driver
    driver.quit()


@pytest.fixture
def site(served: Tutorial) -> Iterator[Tutorial]:
    """The server, without a connection."""
    yield served
    print(served.server.log())  # which pytest shows if the test failed


@pytest.fixture
def tab(driver: Chrome, site: Tutorial) -> Iterator[Tab]:
    """The only tab there is."""
    yield Tab(driver, site.server.url)
    for handle in driver.window_handles[1:]:
        driver.switch_to.window(handle)
        driver.close()
    driver.switch_to.window(driver.window_handles[0])
    driver.get("about:blank")
    site.wait_for_connections(0, 0)
