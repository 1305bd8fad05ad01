"""Groups: who is a member here, and how a payload reaches the other processes.

``layer`` is the channel layer that users call. Below it, ``node`` is its state in one process:
``membership`` knows the channels and groups, ``codec`` makes bytes of messages, ``transport`` is
the interface to other processes, behind which there are ``local`` and ``grpc``.
"""

from __future__ import annotations

from channels_bridge.groups.credentials import NONE, Credentials
from channels_bridge.groups.home.home_loop import aclose_all
from channels_bridge.groups.message import GroupMessage
from channels_bridge.groups.shared_frames import shared_frame

__all__ = [
    "TRANSPORTS",
    "GroupMessage",
    "aclose_all",
    "hub_address",
    "hub_credentials",
    "shared_frame",
]

# Imported only when a layer of that kind is used: gRPC costs time and memory, and forbids forking.
TRANSPORTS = {
    "local": "channels_bridge.groups.local_transport.LocalTransport",
    "grpc": "channels_bridge.groups.grpc.process.grpc_transport.GrpcTransport",
}


def hub_address(layer: object) -> str | None:
    """Return the address of the hub that `layer` needs; None when it needs none."""
    # Of its class: some layers of others make a connection for each attribute that they don't have.
    if not hasattr(type(layer), "hub_address"):
        return None
    address: str | None = getattr(layer, "hub_address", None)
    return address


def hub_credentials(layer: object) -> Credentials:
    """Return how `layer` and the hub know each other."""
    if not hasattr(type(layer), "hub_credentials"):
        return NONE
    credentials: Credentials = getattr(layer, "hub_credentials", NONE)
    return credentials
