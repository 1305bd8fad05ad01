"""``manage.py websockets_close``: close connections of running servers.

By user, path or channel it goes over the channel layer, to all servers; by the id of a connection,
which one server has given it, to that server's control socket.
"""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser

from channels_bridge.connections import close, require_sendable
from channels_bridge.exceptions import BridgeError, TransportUnavailable
from channels_bridge.groups import reaches_others
from channels_bridge.management.commands.websockets_status import PATIENCE, find
from channels_bridge.project import control_client
from channels_bridge.server.child.questions import Message
from channels_bridge.server.monitoring.control_socket import NoAnswer, ask
from channels_bridge.transport import get_channel_layer


class Command(BaseCommand):
    help = "Closes the connections of a user, to a path or with a channel name, or a single one."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--user", metavar="KEY", help="the user's primary key")
        parser.add_argument("--channel", metavar="NAME", help="the consumer's channel name")
        parser.add_argument("--path", help="the path, without the query")
        parser.add_argument(
            "--connection", metavar="ID", help="the one that websockets_status --connections names"
        )
        parser.add_argument(
            "--server",
            metavar="ADDRESS",
            help="with --connection: whose it is, as for websockets_status",
        )
        parser.add_argument(
            "--code",
            type=int,
            default=1000,
            help="the close code, such as 4001 (default: %(default)s)",
        )
        parser.add_argument("--reason", default="", metavar="TEXT", help="text for the client")

    def handle(self, *args: Any, **options: Any) -> None:
        names = ("user", "channel", "path", "code", "reason")
        if options["connection"]:
            if any(options[name] for name in ("user", "channel", "path")):
                raise CommandError("--connection goes with no other choice of connections")
            self._close_one(options)
            return
        if not reaches_others(get_channel_layer()):
            raise CommandError(
                "the default channel layer reaches no server: set its BACKEND to "
                "channels_bridge.layers.GrpcChannelLayer or, for several machines, "
                "channels_bridge.layers.NatsChannelLayer"
            )
        if not any(options[name] for name in ("user", "channel", "path")):
            raise CommandError(
                "say which connections: with --user, --channel or --path, or with --connection"
            )
        count = self._close({name: options[name] for name in names})
        self.stdout.write("1 connection closed" if count == 1 else f"{count} connections closed")

    def _close_one(self, options: dict[str, Any]) -> None:
        closing = {name: options[name] for name in ("code", "reason")}
        try:
            require_sendable(**closing)
            question = {"top": 0, "close": {"id": options["connection"], **closing}}
            status = ask(find(options["server"]), question, PATIENCE)
        except (NoAnswer, ValueError) as error:
            raise CommandError(str(error)) from None
        if not status.get("closed"):
            raise CommandError(why_not_closed(status))
        self.stdout.write("1 connection closed")

    def _close(self, options: dict[str, Any]) -> int:
        """Close them. Returns how many there were; errors say which servers run here."""
        try:
            return close(**options)
        except TransportUnavailable as error:
            others = control_client.servers_and_carriers()
            hint = f"; running here: {others}" if others else ""
            raise CommandError(f"{error}{hint}") from None
        except (BridgeError, ImproperlyConfigured, ValueError) as error:
            raise CommandError(str(error)) from None


def why_not_closed(status: Message) -> str:
    """Say why a server's answer has no connection that was closed."""
    if "closed" not in status:
        return "the server runs another release, which can't close single connections: restart it"
    if status["silent"]:
        numbers = ", ".join(map(str, status["silent"]))
        return f"it is not known whether it was closed: no answer from worker {numbers}"
    return "no connection has this id: it has ended, or is another server's"
