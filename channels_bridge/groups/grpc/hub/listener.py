"""The hub's listener: address, limits, TLS and token.

Whoever has no token, or the wrong one, is turned away before anything that it says is read; whoever
has no certificate where one is asked for doesn't get through the handshake.
"""

from __future__ import annotations

import hmac
import logging
from typing import Any

import grpc

from channels_bridge.common.rate_limited_log import Notices
from channels_bridge.common.unix_sockets import private_umask
from channels_bridge.exceptions import HubAddressError
from channels_bridge.groups.credentials import Credentials
from channels_bridge.groups.discovery.hub_address import Address
from channels_bridge.groups.grpc.stream import AUTHORIZATION, KEEPALIVE, OPTIONS, authorization

logger = logging.getLogger("channels_bridge.groups")

#: The longest batch that the hub reads, in bytes: room for a message of the largest size beside
#: others, and for the groups that a process names when it connects.
MAX_BATCH = 64 * 1024 * 1024

#: Each process has one, and a second one if its threads publish by themselves.
MAX_CONNECTIONS = 4096

#: All that a stranger gets is a handshake of that long, and a connection without a stream of that
#: long, in milliseconds.
HANDSHAKE_TIMEOUT = 5_000
IDLE_TIMEOUT = 10_000

LIMITS: dict[str, int] = {
    **OPTIONS,
    **KEEPALIVE,
    "grpc.so_reuseport": 0,
    "grpc.max_receive_message_length": MAX_BATCH,
    "grpc.max_allowed_incoming_connections": MAX_CONNECTIONS,
    "grpc.max_concurrent_streams": 8,
    "grpc.max_metadata_size": 8192,
    "grpc.server_handshake_timeout_ms": HANDSHAKE_TIMEOUT,
    "grpc.max_connection_idle_ms": IDLE_TIMEOUT,
    # Half of the interval of the processes: what comes more often is a flood.
    "grpc.http2.min_recv_ping_interval_without_data_ms": 10_000,
}


class Door:
    """A hub's address, and how it tells friend from stranger.

    Args:
        address: where it listens.
        credentials: what it shows and asks for.
    """

    def __init__(self, address: Address, credentials: Credentials) -> None:
        self._address = address
        self._credentials = credentials
        self._expected = [value.encode() for _, value in authorization(credentials)]
        self._notices = Notices(logger)

    def open(self, server: Any) -> None:
        """Let ``server`` listen.

        Raises:
            HubAddressError: it can't.
        """
        try:
            # gRPC makes the socket: there is no other way to its mode.
            with private_umask():
                self._listen(server)
        except RuntimeError:
            reason = "the address is in use, or is not an address of this machine"
            raise HubAddressError(str(self._address), reason) from None
        except ValueError as error:
            raise HubAddressError(str(self._address), str(error)) from None

    def admits(self, context: Any) -> bool:
        """Whether the process at the other end of a call has shown the token, if there is one."""
        shown = [value for key, value in context.invocation_metadata() if key == AUTHORIZATION]
        if not self._expected or (len(shown) == 1 and self._is_expected(shown[0])):
            return True
        problem = "a wrong token" if shown else "no token"
        self._notices.warn(problem, "%s is refused: it showed %s", context.peer(), problem)
        return False

    def _is_expected(self, shown: str | bytes) -> bool:
        shown = shown.encode() if isinstance(shown, str) else shown
        return hmac.compare_digest(shown, self._expected[0])

    def _listen(self, server: Any) -> None:
        key, certificate = self._credentials.read("key_file"), self._credentials.read("cert_file")
        if key is None or certificate is None:
            server.add_insecure_port(str(self._address))
            return
        authorities = self._credentials.read("client_ca_file")
        shown = grpc.ssl_server_credentials(
            [(key, certificate)],
            root_certificates=authorities,
            require_client_auth=authorities is not None,
        )
        server.add_secure_port(str(self._address), shown)
