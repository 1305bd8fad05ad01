"""The tutorial's chat on two workers, people who type into it, and a tab that shows it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait
from websockets.sync.client import ClientConnection, connect

from channels_bridge.server.monitoring.control_socket import ask
from compat_tests.servers import Server, run_python, websockets_server

SAMPLE = Path(__file__).parent / "sample"
DEADLINE = 30.0  # seconds; what is waited for usually takes milliseconds


class Typist:
    """Somebody else in a room, with a client that is no browser."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    def say(self, text: str) -> None:
        """Returns once it is said: everybody in the room gets it, this client too."""
        self._connection.send(json.dumps({"message": text}))
        while json.loads(self._connection.recv(DEADLINE))["message"] != text:
            pass

    def say_all(self, texts: list[str]) -> None:
        for text in texts:
            self.say(text)


class Tutorial:
    """The running server."""

    def __init__(self, server: Server, directory: Path) -> None:
        self.server = server
        self._env = {"TUTORIAL_DIRECTORY": str(directory)}
        self._control = next(directory.glob(f"channels_bridge-*/server-{server.pid}.sock"))

    @contextmanager
    def typist(self, room: str) -> Iterator[Typist]:
        """Enter a room."""
        url = f"{self.server.ws_url}/ws/chat/{room}/"
        with connect(url, origin=self.server.url, proxy=None) as connection:
            yield Typist(connection)

    def announce(self, room: str, first: int, last: int) -> None:
        """Have another process say "message N" into a room, for each of these numbers."""
        run_python(SAMPLE, "manage.py", "announce", room, str(first), str(last), env=self._env)

    def connections(self) -> dict[int, int]:
        """By worker, how many WebSockets it has; of those that are ready."""
        workers = ask(self._control, {}, 20)["workers"]
        return {each["pid"]: each["connections"] for each in workers if "connections" in each}

    def wait_for_connections(self, *counts: int) -> None:
        """Wait until the workers have so many; the order does not matter."""
        self.server.wait_until(
            lambda: sorted(self.connections().values()) == sorted(counts), str(counts), DEADLINE
        )

    def busy_worker(self) -> int:
        """The process of the only connection that there is, once there is one."""
        self.wait_for_connections(0, 1)
        return next(pid for pid, count in self.connections().items() if count)


@contextmanager
def serving(directory: Path) -> Iterator[Tutorial]:
    """Serve the tutorial's project."""
    env = {"TUTORIAL_DIRECTORY": str(directory), "DJANGO_SETTINGS_MODULE": "mysite.settings"}
    with websockets_server(SAMPLE, workers=2, env=env) as server:
        yield Tutorial(server, directory)


class Tab:
    """A tab of the browser, as who sits in front of it sees it; or asks its console."""

    def __init__(self, driver: Chrome, url: str) -> None:
        self.driver = driver
        self.url = url

    def go(self, path: str) -> None:
        self.driver.get(self.url + path)

    def ask(self, script: str) -> Any:
        """What an expression of JavaScript is in the page."""
        return self.driver.execute_script(f"return {script}")

    def command(self, name: str, **parameters: Any) -> None:
        """A command of Chrome's DevTools."""
        self.driver.execute_cdp_cmd(name, parameters)

    @contextmanager
    def offline(self) -> Iterator[None]:
        """The browser has no network meanwhile."""
        network = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
        self.command("Network.enable")
        self.command("Network.emulateNetworkConditions", offline=True, **network)
        try:
            yield
        finally:
            self.command("Network.emulateNetworkConditions", offline=False, **network)

    def wait_until(self, condition: Any) -> None:
        WebDriverWait(self.driver, DEADLINE, 0.05).until(lambda _: condition())

    def type(self, text: str) -> None:
        """Into the tutorial's page."""
        self.driver.find_element(By.ID, "chat-message-input").send_keys(text, Keys.ENTER)

    @property
    def chat(self) -> list[str]:
        """The lines in the tutorial's page."""
        lines: str = self.ask("document.querySelector('#chat-log').value")
        return lines.splitlines()

    @property
    def said(self) -> list[str]:
        """What the page of notes was told in its room."""
        heard: list[str] = self.ask("window.said ?? []")
        return heard

    @property
    def notes(self) -> list[Any]:
        """What its socket told it else; not that attempts have failed, which depends on time."""
        return [note for note in self.ask("window.notes ?? []") if note[0] != "error"]
