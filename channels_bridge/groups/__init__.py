"""Groups: the channel layers, their state in one process, and the transports between processes.

A message to a group goes down, and up in the other processes:

- ``layer`` is the channel layer that users call, with the options of ``layer_config`` (over NATS of
  ``nats_config``); the folder ``linked`` has those that reach other processes. ``shared_frames``
  and ``message`` are what users put into it besides dicts. ``made_layers`` are those in use.
- ``node`` is its state in one process (``threadsafe_node`` outside of a server's workers):
  ``membership`` knows channels and groups, ``codec`` makes bytes of messages, ``overflow`` says
  what becomes of messages for a member that is full, ``named_queues`` keeps those that wait for a
  reader.
- ``transport_interface`` is what a node asks for to reach other processes. Transports implement it:
  ``local_transport`` for one process, the folder ``grpc``, which keeps to itself that it speaks
  gRPC with a hub, and the folder ``nats``. A transport over something else is a folder beside them,
  and a line in ``TRANSPORTS``.

``home`` has the event loop that all of it runs on, ``discovery`` finds a hub, ``policies`` reads
what CONFIG says of groups by their names, ``history`` and ``presence`` have the words for what is
kept of them. Of a server this room knows only the ``Inbox`` of ``overflow``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from channels_bridge.groups.credentials import NONE, Credentials
from channels_bridge.groups.discovery.hub_history import HubHistory

if TYPE_CHECKING:
    from channels_bridge.groups.home.home_loop import aclose_all
    from channels_bridge.groups.message import GroupMessage
    from channels_bridge.groups.shared_frames import shared_frame

__all__ = [
    "CROSSING_HISTORY",
    "FOLLOWING",
    "SHORTCUT",
    "TRANSPORTS",
    "GroupMessage",
    "aclose_all",
    "hub_address",
    "hub_credentials",
    "hub_history",
    "reaches_others",
    "shared_frame",
]

#: Imported only when a layer of that kind is used: each costs time and memory.
TRANSPORTS = {
    "local": "channels_bridge.groups.local_transport.LocalTransport",
    "local-history": "channels_bridge.groups.following.local_presence.make_local_presence",
    "grpc": "channels_bridge.groups.grpc.process.grpc_transport.GrpcTransport",
    "grpc-history": "channels_bridge.groups.grpc.process.grpc_presence_transport"
    ".GrpcPresenceTransport",
    "nats": "channels_bridge.groups.nats.nats_transport.NatsTransport",
}

#: How threads without an event loop publish to a hub on a unix socket.
SHORTCUT = "channels_bridge.groups.grpc.process.blocking_client.BlockingClient"

#: What is called from any thread and calls one with history and presence.
CROSSING_HISTORY = (
    "channels_bridge.groups.following.threadsafe_presence_transport.CrossingPresenceTransport"
)

#: A node, a thread-safe node and their membership, where something is followed.
FOLLOWING = (
    "channels_bridge.groups.following.following_node.FollowingNode",
    "channels_bridge.groups.following.threadsafe_following_node.ThreadsafeFollowingNode",
    "channels_bridge.groups.following.following_membership.FollowingMembership",
)

#: Imported when first asked for: the supervisor and hubs, which have no layers, never do.
LATER = {
    "GroupMessage": "channels_bridge.groups.message",
    "aclose_all": "channels_bridge.groups.home.home_loop",
    "shared_frame": "channels_bridge.groups.shared_frames",
}


def __getattr__(name: str) -> Any:
    if name not in LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(LATER[name]), name)
    return found


def hub_address(layer: object) -> str | None:
    """Return the address of the hub that ``layer`` needs; None when it needs none."""
    # Of its class: some layers of others make a connection for each attribute that they don't have.
    if not hasattr(type(layer), "hub_address"):
        return None
    address: str | None = getattr(layer, "hub_address", None)
    return address


def hub_credentials(layer: object) -> Credentials:
    """Return how ``layer`` and the hub know each other."""
    if not hasattr(type(layer), "hub_credentials"):
        return NONE
    credentials: Credentials = getattr(layer, "hub_credentials", NONE)
    return credentials


def hub_history(layer: object) -> HubHistory | None:
    """Return what ``layer`` asks its hub to keep; None when that is nothing."""
    if not hasattr(type(layer), "hub_history"):
        return None
    history: HubHistory | None = getattr(layer, "hub_history", None)
    return history


def reaches_others(layer: object) -> bool:
    """Return whether ``layer`` is one of this package whose groups reach other processes."""
    return bool(getattr(type(layer), "reaches_others", False))
