"""Checks that connect to NATS servers, as the project's processes will.

It is imported only for a layer over NATS, whose client it needs.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator

from django.core.checks import CheckMessage, Error, Warning

from channels_bridge.groups.discovery.nats_address import NatsAddress
from channels_bridge.groups.nats.client.nats_connection import NatsConnection
from channels_bridge.groups.nats.client.nats_errors import NatsUnavailable
from channels_bridge.groups.nats.client.server_info import ServerInfo
from channels_bridge.groups.nats.nats_settings import authentication_of, tls_maker_of
from channels_bridge.groups.nats.node_check import explain_unfit
from channels_bridge.groups.nats.subjects import Subjects
from channels_bridge.groups.nats_config import NatsConfig

#: Seconds that a server has to answer.
PATIENCE = 3.0

#: What the layer asks nodes for, besides its own subjects: who listens to one.
WHO_LISTENS = "$SYS.REQ.ACCOUNT.PING.CONNZ"


def check_servers(config: NatsConfig) -> list[CheckMessage]:
    """Say what is wrong with each of the servers; takes ``PATIENCE`` at most.

    An error is only what certainly is one: checks may run where no server can be reached, as in the
    build of an image. Not for an event loop.
    """
    return asyncio.run(_check_servers(config))


async def _check_servers(config: NatsConfig) -> list[CheckMessage]:
    infos: list[ServerInfo] = []
    found = await asyncio.gather(
        *(_check_server(config, server, infos) for server in config.servers)
    )
    messages = [message for messages in found for message in messages]
    return [*messages, *_judge_cluster(infos)]


async def _check_server(
    config: NatsConfig, server: str, infos: list[ServerInfo]
) -> list[CheckMessage]:
    subjects = Subjects(config.prefix, os.urandom(8))
    connection = NatsConnection(
        [server],
        name="channels_bridge check",
        reply_prefix=subjects.reply_prefix,
        authentication=authentication_of(config),
        make_tls=tls_maker_of(config),
        tls_first=config.tls_first,
        allow_unprotected_tcp=config.allow_unprotected_tcp,
        connect_timeout=PATIENCE / 2,
        on_message=lambda key, payload, reply: None,
    )
    connection.start()
    deadline = time.monotonic() + PATIENCE
    try:
        # Else what was not published would be a warning besides the message.
        await connection.flush(PATIENCE)
        connection.subscribe(subjects.own_control, "own")
        connection.publish(subjects.own_control, b"")
        connection.publish(WHO_LISTENS, b"{}")
        await connection.flush(deadline - time.monotonic())
        infos.append(connection.info)
        return list(_judge(connection, server))
    except NatsUnavailable as error:
        return [_refused(error) if error.refuses else _away(error)]
    finally:
        await connection.aclose()


def _judge(connection: NatsConnection, server: str) -> Iterator[CheckMessage]:
    """Look at a server that has answered."""
    info = connection.info
    if (unfit := explain_unfit(info)) is not None:
        yield _refused(unfit)
    for action, advice in connection.denied.items():
        yield _refused(NatsUnavailable(f"{server} does not let this project {action}", advice))
    is_open = not (info.auth_required or info.tls_verify)
    if is_open and not NatsAddress.parse(server).is_loopback:
        yield Warning(
            f"{server} lets in whoever reaches it, to read and send all messages.",
            hint="Write `accounts` or `authorization` into its configuration, and the user into "
            "CONFIG.",
            id="channels_bridge.W013",
        )


def _judge_cluster(infos: list[ServerInfo]) -> Iterator[CheckMessage]:
    """Look at those that have answered together: one alone has nobody to tell of."""
    quiet = sorted({info.server_name for info in infos if info.cluster and not info.connect_urls})
    if quiet and len({info.server_id for info in infos}) > 1:
        yield Warning(
            f"Clients of {', '.join(quiet)} are not told when another node comes or goes: messages "
            "that were on their way to it come seconds late, and questions wait for its answer.",
            hint="Remove `no_advertise` from the `cluster` of its configuration; and see that its "
            "routes are up.",
            id="channels_bridge.W015",
        )


def _refused(error: NatsUnavailable) -> CheckMessage:
    """Report what no waiting heals."""
    return Error(f"{error.reason}.", hint=_hint(error), id="channels_bridge.E011")


def _away(error: NatsUnavailable) -> CheckMessage:
    """Report what may be so only here and now."""
    return Warning(f"{error.reason}.", hint=_hint(error), id="channels_bridge.W012")


def _hint(error: NatsUnavailable) -> str | None:
    return f"{error.advice[0].upper()}{error.advice[1:]}." if error.advice else None
