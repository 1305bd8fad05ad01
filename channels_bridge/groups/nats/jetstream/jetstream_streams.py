"""Making streams, by several processes at once and over several releases."""

from __future__ import annotations

from typing import Any

from channels_bridge.groups.nats.client.nats_errors import NatsUnavailable
from channels_bridge.groups.nats.jetstream.jetstream_api import JetStream, JetStreamError

#: On how many nodes a message is kept: the first of these for which there are enough.
REPLICAS = (3, 1)

#: What JetStream says if there are not so many nodes, or none of a cluster.
TOO_FEW_NODES = frozenset({10005, 10074})

OTHER_CONFIGURATION = 10058
NO_STREAM = 10059
NO_MESSAGE_FOUND = 10037

#: Durations are written in these, in JetStream.
NANOSECONDS = 1_000_000_000

#: Seconds that JetStream remembers a message's id, so as not to store it twice.
DUPLICATES = 120.0


def base_configuration(name: str) -> dict[str, Any]:
    """What all streams here have in common: in memory, with an end for each message."""
    return {
        "name": name,
        "description": "channels_bridge: channels without an exclamation mark",
        "storage": "memory",
        "retention": "limits",
        "allow_msg_ttl": True,
        "duplicate_window": int(DUPLICATES * NANOSECONDS),
    }


async def make_stream(jetstream: JetStream, configuration: dict[str, Any], *, until: float) -> None:
    """Make a stream, or change the one of that name; several processes may do so at once.

    It is kept on three nodes, or on one where there are no three.

    Raises:
        NatsUnavailable: it can't be made; says what to do.
    """
    for replicas in REPLICAS:
        try:
            made = await _put_stream(jetstream, {**configuration, "num_replicas": replicas}, until)
        except JetStreamError as error:
            if error.code in TOO_FEW_NODES and replicas != REPLICAS[-1]:
                continue
            raise
        if not made["config"].get("allow_msg_ttl"):
            raise NatsUnavailable(
                "nats-server is too old to let messages expire", "use 2.11 or later", refuses=True
            )
        return


async def _put_stream(
    jetstream: JetStream, configuration: dict[str, Any], until: float
) -> dict[str, Any]:
    name = configuration["name"]
    try:
        return await jetstream.ask(f"STREAM.CREATE.{name}", configuration, until=until)
    except JetStreamError as error:
        if error.code != OTHER_CONFIGURATION:
            raise
    return await jetstream.ask(f"STREAM.UPDATE.{name}", configuration, until=until)
