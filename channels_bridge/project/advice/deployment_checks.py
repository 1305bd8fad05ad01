"""System checks for ``check --deploy``: what suits development, but seldom production."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from channels.exceptions import InvalidChannelLayerError
from django.core.checks import CheckMessage, Warning
from django.core.exceptions import ImproperlyConfigured

from channels_bridge import conf
from channels_bridge.groups.linked.nats_layer import NatsChannelLayer
from channels_bridge.project.advice import group_advice, startup_advice


def check_deployment(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Check for settings that suit development but seldom production; for ``check --deploy``."""
    return [
        *_check_processes(),
        *_check_settings_module(),
        *_check_hubs(),
        *_check_nodes(),
        *_check_default_prefixes(),
        *_check_history(),
    ]


def _check_settings_module() -> Iterator[CheckMessage]:
    for text in startup_advice.about_settings():
        yield Warning(f"{text}.", id="channels_bridge.W007")


def _check_hubs() -> Iterator[CheckMessage]:
    with _layers_may_fail():
        for text in group_advice.about_tcp():
            yield Warning(f"{text}.", id="channels_bridge.W011")


def _check_nodes() -> Iterator[CheckMessage]:
    for _, layer in _made_layers():
        if isinstance(layer, NatsChannelLayer):
            # Not sooner: others need nothing of NATS.
            from channels_bridge.project.advice.nats_checks import check_servers

            yield from check_servers(layer.config)


def _check_default_prefixes() -> Iterator[CheckMessage]:
    """Projects may have a package of one name, such as ``config``, and so may staging."""
    given = {**conf.transport_backends(), **conf.channel_layers()}
    for alias, layer in _made_layers():
        if isinstance(layer, NatsChannelLayer) and not given[alias].get("CONFIG", {}).get("prefix"):
            yield Warning(
                f"Channel layer {alias!r} has no prefix: its subjects in NATS begin with "
                f"{layer.prefix!r}, the name of the package of the settings, as those of another "
                "project, or of staging, may.",
                hint='Write "prefix" into its CONFIG, with another name for each.',
                id="channels_bridge.W014",
            )


def _check_history() -> Iterator[CheckMessage]:
    """Groups of one user or one task, too, then go by way of the hub, and fill its memory."""
    for alias, layer in _made_layers():
        if "*" in getattr(getattr(layer, "config", None), "history", ()):
            yield Warning(
                f"Channel layer {alias!r} keeps the messages of all groups, as its history has "
                "'*': the oldest of any group go where history_bytes is reached, and messages to "
                "groups of one member cost more.",
                hint="Name the groups whose members may not miss a message, such as "
                '"history": {"chat.*": {}}.',
                id="channels_bridge.W016",
            )


def _check_processes() -> Iterator[CheckMessage]:
    for alias, layer in _made_layers():
        if group_advice.is_of_one_process(layer):
            yield Warning(
                f"Channel layer {alias!r} is {type(layer).__name__}, whose groups stay within "
                "one process: members in other processes than the sender's get nothing.",
                hint='Set its BACKEND to "channels_bridge.layers.GrpcChannelLayer".',
                id="channels_bridge.W006",
            )


def _made_layers() -> Iterator[tuple[str, Any]]:
    with _layers_may_fail():
        yield from group_advice.layers()


def _layers_may_fail() -> contextlib.AbstractContextManager[None]:
    """Leave layers that can't be made to others: to E002, E003 and E004."""
    return contextlib.suppress(ImproperlyConfigured, InvalidChannelLayerError)
