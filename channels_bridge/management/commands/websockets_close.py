"""``manage.py websockets_close``: close connections of running servers."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser

from channels_bridge.connections import close
from channels_bridge.exceptions import BridgeError, TransportUnavailable
from channels_bridge.groups import reaches_others
from channels_bridge.project import control_client
from channels_bridge.transport import get_channel_layer


class Command(BaseCommand):
    help = "Closes the connections of a user, to a path, or with a channel name, on all workers."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--user", metavar="KEY", help="the user's primary key")
        parser.add_argument("--channel", metavar="NAME", help="the consumer's channel name")
        parser.add_argument("--path", help="the path, without the query")
        parser.add_argument(
            "--code",
            type=int,
            default=1000,
            help="the close code, such as 4001 (default: %(default)s)",
        )
        parser.add_argument("--reason", default="", metavar="TEXT", help="text for the client")

    def handle(self, *args: Any, **options: Any) -> None:
        names = ("user", "channel", "path", "code", "reason")
        if not reaches_others(get_channel_layer()):
            raise CommandError(
                "the default channel layer reaches no server: set its BACKEND to "
                "channels_bridge.layers.GrpcChannelLayer or, for several machines, "
                "channels_bridge.layers.NatsChannelLayer"
            )
        if not any(options[name] for name in ("user", "channel", "path")):
            raise CommandError("say which connections: with --user, --channel or --path")
        count = self._close({name: options[name] for name in names})
        self.stdout.write("1 connection closed" if count == 1 else f"{count} connections closed")

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
