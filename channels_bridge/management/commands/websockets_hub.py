"""``manage.py websockets_hub``: a groups hub of its own, in the foreground."""

import asyncio
import signal
from argparse import ArgumentParser
from typing import Any

from channels import DEFAULT_CHANNEL_LAYER
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from channels_bridge.exceptions import BridgeError
from channels_bridge.groups import hub_address
from channels_bridge.transport import get_channel_layer


class Command(BaseCommand):
    """
    Serves the processes of a project until SIGINT or SIGTERM, then exits with 0.

    `websockets_server` runs a hub of its own, and needs none beside it; when there are both, one of
    them stands by.
    """

    help = "Runs the hub that joins the processes of this project, for channel layers over gRPC."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--address",
            help="where to listen: unix:/path or host:port (default: the address of the layer)",
        )
        parser.add_argument(
            "--layer",
            default=DEFAULT_CHANNEL_LAYER,
            help="alias of the channel layer that the address is taken from (default: %(default)s)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            asyncio.run(self._serve(options["address"] or self._address_of(options["layer"])))
        except (BridgeError, ImproperlyConfigured) as error:
            raise CommandError(str(error)) from None

    def _address_of(self, alias: str) -> str:
        layer = get_channel_layer(alias)
        if layer is None:
            raise CommandError(f"channel layer {alias!r} isn't configured in CHANNEL_LAYERS")
        address = hub_address(layer)
        if address is None:
            raise CommandError(
                f"channel layer {alias!r} doesn't need a hub: its BACKEND isn't "
                f"channels_bridge.layers.GrpcChannelLayer (or give an --address)"
            )
        return address

    async def _serve(self, address: str) -> None:
        # gRPC is imported here: other commands don't need it.
        from channels_bridge.groups.grpc.hub import serve

        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await serve(address, ready=lambda: self._say(f"Groups hub at {address}"), stop=stop)

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()
