"""A browser window that shows a room of one of the examples."""

from __future__ import annotations

from urllib.parse import urlencode

from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

DEADLINE = 20.0  # seconds; what is waited for usually takes milliseconds


class Room:
    """What a person in front of the window can see and do."""

    def __init__(self, driver: Chrome, url: str, room: str, name: str) -> None:
        self.driver = driver
        driver.get(f"{url}/room/{room}/?{urlencode({'name': name})}")
        self.wait_until(lambda: self.status == "Connected")

    def reload(self) -> None:
        self.driver.refresh()
        self.wait_until(lambda: self.status == "Connected")

    def say(self, text: str) -> None:
        self.driver.find_element(By.ID, "text").send_keys(text, Keys.ENTER)

    def type(self, text: str) -> None:
        """Write without sending."""
        self.driver.find_element(By.ID, "text").send_keys(text)

    @property
    def status(self) -> str:
        return self._text("#status")

    @property
    def worker(self) -> int | None:
        """The process that serves the window's WebSocket; None while there is none."""
        pid = self._text("#worker")
        return int(pid) if pid.isdigit() else None

    @property
    def messages(self) -> list[str]:
        """All texts in the room, the oldest first."""
        return self._texts("#messages p")

    @property
    def announcements(self) -> list[str]:
        return self._texts("#messages .announcement p")

    @property
    def people(self) -> list[str]:
        return self._texts("#people b")

    @property
    def typing(self) -> str:
        return self._text("#typing")

    def record_statuses(self) -> None:
        """Remember from now on what the page says about its connection."""
        self.driver.execute_script(
            """
            const status = document.getElementById("status");
            window.statuses = [];
            new MutationObserver(() => window.statuses.push(status.textContent))
                .observe(status, {childList: true});
            """
        )

    @property
    def statuses(self) -> list[str]:
        """What has been recorded."""
        recorded: list[str] = self.driver.execute_script("return window.statuses")
        return recorded

    def complaints(self) -> list[str]:
        """What the browser wrote into its console since this was last asked."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def wait_until(self, condition, deadline: float = DEADLINE) -> None:
        """Wait for a condition of the page, which may be replaced meanwhile."""
        wait = WebDriverWait(
            self.driver, deadline, 0.05, ignored_exceptions=[StaleElementReferenceException]
        )
        wait.until(lambda _: condition())

    def _text(self, selector: str) -> str:
        return self.driver.find_element(By.CSS_SELECTOR, selector).text

    def _texts(self, selector: str) -> list[str]:
        return [found.text for found in self.driver.find_elements(By.CSS_SELECTOR, selector)]
