"""Advice for those who can't reach the hub."""

from __future__ import annotations

from channels_bridge.groups.discovery.hub_address import Address

START_HUB = (
    "start it with `manage.py websockets_server` or `manage.py websockets_hub`; if it runs in "
    "another container, set `address` in the layer's CONFIG; as another user or on another "
    "machine, use NatsChannelLayer"
)
BE_THAT_USER = (
    "run this as that user, or use NatsChannelLayer; if nothing serves there any more, remove the "
    "socket"
)
FIND_STUCK = (
    "it or another process of the project is stuck, or too slow; the server's log and "
    "`manage.py websockets_status` say which"
)


def what_to_do(address: Address) -> str:
    """Say what to do where nobody answers at an address."""
    return BE_THAT_USER if address.is_of_another_user() else START_HUB
