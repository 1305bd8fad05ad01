"""``manage.py websockets_hub``: a standalone groups hub, in the foreground."""

from __future__ import annotations

import asyncio
import logging
import signal
from argparse import ArgumentParser
from dataclasses import replace
from functools import partial
from typing import Any

from channels import DEFAULT_CHANNEL_LAYER
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from channels_bridge import conf
from channels_bridge.common.exit_deadline import leave_soon
from channels_bridge.common.exit_signals import exit_by_signals
from channels_bridge.common.forks import handle_in_loop
from channels_bridge.exceptions import BridgeError
from channels_bridge.groups import hub_address, hub_credentials
from channels_bridge.groups.credentials import NONE, Credentials
from channels_bridge.groups.discovery.hub_history import HubHistory
from channels_bridge.layers import NatsChannelLayer
from channels_bridge.logs import configure_logging
from channels_bridge.project.advice.group_advice import about_tcp_hub
from channels_bridge.project.hubs import history_at
from channels_bridge.server.errors import StartupError
from channels_bridge.transport import get_channel_layer

logger = logging.getLogger("channels_bridge.groups")

FILES = {
    "token_file": "file with the token that processes must show",
    "cert_file": "the hub's certificate chain, PEM",
    "key_file": "the hub's private key, PEM",
    "client_ca_file": "authorities that must have signed the processes' certificates, PEM",
}


class Command(BaseCommand):
    """Serves the processes of a project until SIGINT or SIGTERM, then exits with 0.

    ``websockets_server`` runs a hub itself and needs none beside it; where both run, one of them
    stands by for failover.
    """

    help = "Runs the hub that joins the processes of this project, for channel layers over gRPC."
    requires_system_checks: list[str] = []

    _called_from_command_line: bool  # Django's

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--address",
            help="where to listen: unix:/path, or host:port, which is deprecated (default: the "
            "address of the layer)",
        )
        parser.add_argument(
            "--layer",
            default=DEFAULT_CHANNEL_LAYER,
            help="the channel layer, by its alias, whose CONFIG has the address, the token and the "
            "certificates (default: %(default)s)",
        )
        for name, text in FILES.items():
            parser.add_argument(
                "--" + name.replace("_", "-"),
                metavar="FILE",
                help=f"{text}; for TCP (default: the layer's)",
            )
        parser.add_argument(
            "--allow-unprotected-tcp",
            action="store_true",
            default=None,
            help="listen on TCP without TLS or without a token: anyone who reaches the port "
            "can read and send messages",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            layer = get_channel_layer(options["layer"])
            address = options["address"] or _address_of(layer, options["layer"])
            configure_logging()
            credentials = _credentials(layer, options)
            asyncio.run(self._serve(address, credentials, history_at(address, of=layer)))
            if self._called_from_command_line:
                leave_soon(0)
        except (BridgeError, ImproperlyConfigured, StartupError) as error:
            raise CommandError(str(error)) from None

    async def _serve(self, address: str, credentials: Credentials, history: HubHistory) -> None:
        # Here, as other commands don't need it.
        from channels_bridge.groups.grpc.hub.frozen_entries import freezing_entries
        from channels_bridge.groups.grpc.hub.hub import serve

        stop = asyncio.Event()
        signals = (signal.SIGINT, signal.SIGTERM)
        for number in signals:
            handle_in_loop(number, stop.set)
        ready = partial(self._announce, address)
        with freezing_entries():
            await serve(address, credentials, ready=ready, stop=stop, history=history)
        if self._called_from_command_line:
            exit_by_signals(signals)

    def _announce(self, address: str) -> None:
        if text := about_tcp_hub(address):
            logger.warning("%s", text)
        self.stdout.write(f"Groups hub at {address}")
        self.stdout.flush()


def _address_of(layer: object, alias: str) -> str:
    if layer is None:
        known = ", ".join(map(repr, conf.layer_aliases())) or "none"
        raise CommandError(
            f"channel layer {alias!r} isn't configured in CHANNEL_LAYERS: name another with "
            f"--layer; there is {known}"
        )
    address = hub_address(layer)
    if isinstance(layer, NatsChannelLayer):
        raise CommandError(
            f"channel layer {alias!r} needs no hub: its processes meet at {layer.place} (or pass "
            f"--address)"
        )
    if address is None:
        raise CommandError(
            f"channel layer {alias!r} doesn't need a hub: its BACKEND isn't "
            f"channels_bridge.layers.GrpcChannelLayer (or pass --address)"
        )
    return address


def _credentials(layer: object, options: dict[str, Any]) -> Credentials:
    """The layer's credentials, overridden by the options; a unix socket needs none."""
    is_socket = (options["address"] or "").startswith("unix:")
    said = {name: options[name] for name in FILES if options[name] is not None}
    if options["allow_unprotected_tcp"]:
        said["allow_unprotected_tcp"] = True
    if "token_file" in said:
        said["token"] = ""
    try:
        return replace(NONE if is_socket else hub_credentials(layer), **said)
    except ValueError as error:
        raise CommandError(str(error)) from None
