"""INFO, by which a node says what it is. No I/O."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from channels_bridge.groups.nats.client.nats_parser import NatsProtocolError

#: What a node allows when it doesn't say, and by default: 1 MiB.
MAX_PAYLOAD = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """A node, and what it knows of its cluster.

    Attributes:
        server_name: as configured; where it is not, the node's address as it is known here.
        server_id: new with each start.
        version: of nats-server.
        max_payload: the most bytes that a message may have, its headers included.
        cluster: the name of the cluster that it belongs to; empty for a single node.
        jetstream: whether it has JetStream.
        connect_urls: ``host:port`` of all nodes of the cluster that clients may use.
        nonce: what is to be signed, by those who have a key.
        auth_required: whether it wants credentials.
        tls_required: whether it talks nothing but TLS.
        tls_available: whether it talks TLS with those who want it.
        tls_verify: whether it wants a client's certificate.
        lame_duck: whether it is about to end.
        about_connection: whether this is only about the client's own connection.
    """

    server_name: str = ""
    server_id: str = ""
    version: str = ""
    max_payload: int = MAX_PAYLOAD
    cluster: str = ""
    jetstream: bool = False
    connect_urls: tuple[str, ...] = ()
    nonce: str = ""
    auth_required: bool = False
    tls_required: bool = False
    tls_available: bool = False
    tls_verify: bool = False
    lame_duck: bool = False
    about_connection: bool = False


#: Where INFO has another name for it.
NAMES = {"lame_duck": "ldm", "about_connection": "connect_info"}


def read_info(text: bytes, address: str) -> ServerInfo:
    """Read the JSON of an INFO. What is missing, or of another type, is as it is by default.

    Args:
        address: stands for the name of a node without one. Such a node itself says its ID, which
            tells people nothing, and is another one after each start.

    Raises:
        NatsProtocolError: it isn't an object.
    """
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise NatsProtocolError("an INFO that isn't a JSON object")
    found: dict[str, Any] = {}
    for name in ServerInfo.__slots__:
        value = values.get(NAMES.get(name, name))
        if name == "connect_urls":
            found[name] = _read_urls(value)
        elif type(value) is type(getattr(_DEFAULT, name)):
            found[name] = value
    if found.get("max_payload", 1) <= 0:
        del found["max_payload"]
    if found.get("server_name") in (None, "", found.get("server_id")):
        found["server_name"] = address
    return ServerInfo(**found)


def _read_urls(value: object) -> tuple[str, ...]:
    urls = value if isinstance(value, list) else []
    return tuple(url for url in urls if isinstance(url, str))


_DEFAULT = ServerInfo()
