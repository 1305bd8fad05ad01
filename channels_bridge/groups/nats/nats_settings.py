"""The values of CONFIG as the client takes them: credentials and TLS."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import fields

from channels_bridge.groups.nats.client.authentication import Authentication
from channels_bridge.groups.nats.client.tls_files import TlsFiles
from channels_bridge.groups.nats_config import NatsConfig


def authentication_of(config: NatsConfig) -> Authentication:
    """Return what a node is shown."""
    return Authentication(
        **{each.name: getattr(config, each.name) for each in fields(Authentication)}
    )


def tls_maker_of(config: NatsConfig) -> Callable[[], ssl.SSLContext] | None:
    """Return what makes a context for each link, of files as they are then; None without TLS."""
    if not config.uses_tls:
        return None
    files = {each.name: getattr(config, each.name) for each in fields(TlsFiles)}
    return TlsFiles(**files).make_context
