"""``manage.py websockets_status``: a running server's workers, connections and groups."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from math import inf
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from channels_bridge.project import control_client
from channels_bridge.server.child.questions import Message
from channels_bridge.server.connection_order import MOST_LISTED
from channels_bridge.server.monitoring.control_socket import NoAnswer, ask

#: Seconds to wait for the server, which itself waits a second for workers that are stuck.
PATIENCE = 10.0


class Command(BaseCommand):
    help = "Shows the workers, connections, groups and slowest clients of a running server."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--server",
            metavar="ADDRESS",
            help="where the server listens, such as 127.0.0.1:8000, or the path of its control "
            "socket (default: the one server of this project)",
        )
        parser.add_argument("--json", action="store_true", help="print JSON, one object per line")
        parser.add_argument(
            "--watch",
            nargs="?",
            type=interval,
            const=2.0,
            metavar="SECONDS",
            help="repeat at this interval (default: %(const)s) until Ctrl-C",
        )
        parser.add_argument(
            "--top",
            type=count,
            default=10,
            metavar="N",
            help="how many groups, clients and connections to show (default: %(default)s)",
        )
        parser.add_argument(
            "--connections",
            action="store_true",
            help="show single connections, the newest first, with ids for websockets_close",
        )
        parser.add_argument(
            "--search",
            metavar="TEXT",
            help="of these only those with this text in their path, client's address or channel "
            "name, and those of the user with this key",
        )
        parser.add_argument(
            "--group", metavar="NAME", help="of these only those that are in this group"
        )
        parser.add_argument(
            "--handlers",
            action="store_true",
            help="show the group handlers of consumers, which of them run once for all members, "
            "and why others don't",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            while True:
                self._show(options)
                if options["watch"] is None:
                    break
                time.sleep(options["watch"])
        except KeyboardInterrupt:
            pass
        except BrokenPipeError:  # whoever reads has seen enough, such as head
            self._discard_output()

    def _discard_output(self) -> None:
        """Let what the pipe did not take go nowhere: Python writes it once more at its end."""
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), self.stdout.fileno())

    def _show(self, options: dict[str, Any]) -> None:
        try:
            status = ask(find(options["server"]), question(options), PATIENCE)
        except NoAnswer as error:
            raise CommandError(str(error)) from None
        if options["json"]:
            text = json.dumps(status)
        else:
            clear = "\033[H\033[J" if options["watch"] and self.stdout.isatty() else ""
            text = clear + "\n".join(render(status))
        self.stdout.write(text)
        self.stdout.flush()


def question(options: dict[str, Any]) -> Message:
    """Say what the server is asked."""
    asked: Message = {"top": options["top"], "handlers": options["handlers"]}
    if options["connections"] or options["search"] or options["group"]:
        asked["connections"] = {
            "limit": options["top"],
            "search": options["search"],
            "group": options["group"],
        }
    return asked


def find(server: str | None) -> Path:
    """Find a server's control socket by its path or by an address of the server."""
    if server is None:
        return control_client.find_server()
    is_address = "://" in server or server.startswith("unix:")
    if not is_address and ("/" in server or Path(server).exists()):
        return Path(server)
    return control_client.find_server(control_client.place(server))


def interval(text: str) -> float:
    """Parse seconds between two outputs."""
    seconds = float(text)
    if not 0 < seconds < inf:
        raise ValueError
    return seconds


def count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise ValueError
    return number


def render(status: Message) -> Iterator[str]:
    """Format the status for people."""
    yield from render_processes(status)
    yield ""
    yield from table(WORKER_COLUMNS, map(worker_row, status["workers"]))
    if status.get("groups"):
        yield ""
        rows = [(group["members"], group["group"]) for group in status["groups"]]
        yield from table(("members", "group"), rows)
    if "connections" in status:
        yield ""
        yield from render_connections(status["connections"], status["silent"])
    elif status["slowest"]:
        yield ""
        yield from table(CLIENT_COLUMNS, map(client_row, status["slowest"]))
    if "handlers" in status:
        yield ""
        yield from render_handlers(status["handlers"])


def render_handlers(handlers: Sequence[Message]) -> Iterator[str]:
    """Format what is known of group handlers: which of them run once for all members of a group."""
    if not handlers:
        yield "no consumer has run yet that has a group handler with an argument named event"
        return
    rows = [(row["consumer"], row["handler"], shared(row)) for row in handlers]
    yield from table(("consumer", "handler", "shared"), rows)


def shared(handler: Message) -> str:
    return "yes" if handler["shared"] else f"no: {handler['why']}"


def render_processes(status: Message) -> Iterator[str]:
    """Format what the supervisor knows: of itself, its addresses and its services."""
    ended = f", {status['restarts']} restarted" if status["restarts"] else ""
    ended += "".join(
        f", {count} workers replaced for {why}" for why, count in status.get("recycled", {}).items()
    )
    yield (
        f"channels_bridge {status['version']} [{status['pid']}], {status['state']}, "
        f"for {duration(status['seconds'])}{ended}"
    )
    yield from (f"listening at {url}" for url in status["listening"])
    yield from (f"groups over {carrier}" for carrier in status.get("carriers", ()))
    yield from map(render_service, status["services"])


def render_service(service: Message) -> str:
    """Format what a hub says of itself."""
    text = f"{service['name']} [{service['pid']}], for {duration(service['seconds'])}"
    if service.get("history_messages"):
        text += (
            f", keeps {service['history_messages']} messages of {service['history_groups']} groups"
            f" in {size(service['history_bytes'])}"
        )
    if service.get("history_on_disk") is False:
        text += ", in memory only"
    if service.get("presence_keys"):
        text += f", {service['presence_keys']} present"
    return text


WORKER_COLUMNS = (
    "worker",
    "pid",
    "state",
    "since",
    "open",
    "inboxes",
    "unsent",
    "delay",
    "history",
    "link",
)


def worker_row(worker: Message) -> tuple[object, ...]:
    state = worker["state"] if worker["fresh"] else f"{worker['state']}, does not answer"
    since = duration(worker["seconds"])
    if "connections" not in worker:  # it has not said anything yet
        return (worker["number"], worker["pid"], state, since, "-", "-", "-", "-", "-", "-")
    return (
        worker["number"],
        worker["pid"],
        state,
        since,
        worker["connections"],
        worker["inbox_depth"],
        worker["unsent_bytes"],
        f"{worker['loop_delay'] * 1000:.0f} ms",
        history(worker),
        link(worker),
    )


def history(worker: Message) -> str:
    """Say how much history a worker has, and how many consumers are catching up with it."""
    found = worker.get("history")
    if found is None:
        return "-"
    behind = f", {found['behind']} behind" if found["behind"] else ""
    return f"{found['groups']} groups, {size(found['bytes'])}{behind}"


def link(worker: Message) -> str:
    """Say how a worker is connected to other processes: over which node, and how it is behind."""
    found, hub = worker["link"], worker["hub"]
    if found is None:
        return "-"
    words = ["connected" if found["connected"] else "not connected"]
    if found["node"] is not None:
        words[0] += f" to {found['node']}"
    if found["round_trip"] is not None:
        words.append(f"{found['round_trip'] * 1000:.1f} ms")
    if found["waiting_bytes"]:
        words.append(f"{found['waiting_bytes']} bytes not written")
    if found["silent_nodes"]:
        ages = ", ".join(f"{name} for {age:.0f} s" for name, age in found["silent_nodes"].items())
        words.append(f"no answer from {ages}")
    if hub is not None and hub["unacknowledged"]:
        words.append(f"{hub['unacknowledged']} unacknowledged for {hub['lag']:.1f} s")
    return ", ".join(words)


CLIENT_COLUMNS = ("unsent", "inbox", "since", "worker", "client", "user", "path", "channel")


def client_row(client: Message) -> tuple[object, ...]:
    return (
        client["unsent_bytes"],
        client["inbox_depth"],
        duration(client["seconds"]),
        client["worker"],
        client["client"],
        client.get("user") or "-",
        client["path"],
        client.get("channel") or "-",
    )


CONNECTION_COLUMNS = ("id", *CLIENT_COLUMNS, "groups")


def render_connections(found: Message, silent: Sequence[int]) -> Iterator[str]:
    """Format single connections, how many there are, and whose are missing."""
    if found["rows"]:
        yield from table(CONNECTION_COLUMNS, map(connection_row, found["rows"]))
    shown, matching = len(found["rows"]), found["matching"]
    yield "1 connection" if matching == 1 else f"{matching} connections"
    if shown < matching:
        others = f"--top {min(matching, MOST_LISTED)} shows more"
        yield f"the first {shown} are shown; {others if shown < MOST_LISTED else 'use --search'}"
    for number in silent:
        yield f"worker {number} does not answer: its connections are not among these"


def connection_row(connection: Message) -> tuple[object, ...]:
    groups = connection.get("groups", ())
    more = connection.get("in_groups", 0) - len(groups)
    names = [*groups, f"and {more} more"] if more > 0 else groups
    return (connection["id"], *client_row(connection), ", ".join(names) or "-")


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    lines = [columns, *([str(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        yield "  ".join(cells).rstrip()


def duration(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))


def size(count: int) -> str:
    return f"{count / 2**20:.1f} MiB" if count >= 2**20 else f"{count / 2**10:.1f} KiB"
