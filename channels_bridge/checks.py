"""System checks: each mistake in settings has an id, and a hint that says what to write."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from channels import DEFAULT_CHANNEL_LAYER
from django.conf import global_settings, settings
from django.core.checks import CheckMessage, Error, Warning
from django.core.exceptions import ImproperlyConfigured
from django.core.management import get_commands, load_command_class
from django.utils.module_loading import import_string

from channels_bridge import conf
from channels_bridge.groups.layer import BridgeChannelLayer
from channels_bridge.groups.layer_config import LinkedConfig
from channels_bridge.groups.linked.grpc_layer import GrpcChannelLayer
from channels_bridge.groups.linked.linked_layer import LinkedChannelLayer

#: The settings to compare misspelt names with: ours, and those of Channels that we read.
_KNOWN = (*conf.NAMES, "ASGI_APPLICATION", "CHANNEL_LAYERS")

#: Our layers, to compare misspelt ones with; the first is the one to recommend.
_BACKENDS = (
    "channels_bridge.layers.GrpcChannelLayer",
    "channels_bridge.layers.NatsChannelLayer",
    "channels_bridge.layers.LocalChannelLayer",
    "channels_bridge.transport.GrpcTransportLayer",
    "channels_bridge.transport.NatsTransportLayer",
)

_RUNSERVER = "management.commands.runserver"


def check_settings(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Check the settings of the package."""
    return [
        *_check_application(),
        *_check_shape(),
        *_check_aliases(),
        *_check_layers("CHANNEL_LAYERS", conf.channel_layers()),
        *_check_layers("WEBSOCKET_TRANSPORT_BACKENDS", conf.transport_backends()),
        *_check_prefixes(),
        *_check_runtime_dir(),
        *_check_routes(),
        *_check_middleware(),
        *_check_sync_threads(),
        *_check_shared_handlers(),
        *_check_server(),
        *_check_names(),
        *_check_runserver(),
    ]


def _check_application() -> Iterator[CheckMessage]:
    if wrong := conf.wrong_path():
        yield Error(f"{wrong}.", id="channels_bridge.E015")


def _check_shape() -> Iterator[CheckMessage]:
    for wrong in conf.wrong_layers():
        yield Error(f"{wrong}.", id="channels_bridge.E016")


def _check_aliases() -> Iterator[CheckMessage]:
    aliases = conf.layer_aliases()
    if aliases and DEFAULT_CHANNEL_LAYER not in aliases:
        yield Warning(
            f"There is no channel layer {DEFAULT_CHANNEL_LAYER!r}, which all use that ask for no "
            f"other: there is {', '.join(map(repr, aliases))}.",
            hint=f'Name one "{DEFAULT_CHANNEL_LAYER}", or another one in the channel_layer_alias '
            "of each consumer, and in each get_channel_layer().",
            id="channels_bridge.W017",
        )


def _check_layers(setting: str, layers: Mapping[str, Mapping[str, Any]]) -> Iterator[CheckMessage]:
    """Read each layer's CONFIG as its first use would, so that mistakes are found now."""
    for alias, layer in layers.items():
        where = f"{setting}[{alias!r}]"
        backend = layer.get("BACKEND")
        if not backend:
            yield Error(
                f"{where} has no BACKEND.",
                hint=f'Write "BACKEND": "{_BACKENDS[0]}".',
                id="channels_bridge.E002",
            )
        else:
            yield from _check_layer(where, backend, layer.get("CONFIG", {}))


def _check_layer(where: str, backend: str, config: Mapping[str, Any]) -> Iterator[CheckMessage]:
    try:
        layer_class = import_string(backend)
    except ImportError as error:
        yield _cannot_import(f"{where}: BACKEND {backend!r} cannot be imported: {error}.", backend)
    else:
        if isinstance(layer_class, type) and issubclass(layer_class, BridgeChannelLayer):
            yield from _check_config(where, layer_class, config)


def _cannot_import(text: str, backend: str) -> CheckMessage:
    """Report a misspelt layer of ours as an error, another package's as a warning.

    That may be missing where it isn't used, as under plain Channels.
    """
    if hint := _did_you_mean(backend, _BACKENDS, cutoff=0.8):
        return Error(text, hint=hint, id="channels_bridge.E003")
    return Warning(text, id="channels_bridge.W004")


def _check_config(
    where: str, layer_class: type[BridgeChannelLayer], config: Mapping[str, Any]
) -> Iterator[CheckMessage]:
    try:
        policies = layer_class.config_class.from_options(config).presence_policies
    except ImproperlyConfigured as error:
        yield Error(f"{where}: {error}.", id="channels_bridge.E004")
        return
    for policy in policies:
        try:
            _ = policy.path and policy.describe
        except ImproperlyConfigured as error:
            yield Error(f"{where}: {error}.", id="channels_bridge.E012")


def _check_prefixes() -> Iterator[CheckMessage]:
    """Layers that meet at one place share their groups unless their prefixes differ."""
    first: dict[tuple[str, str], str] = {}
    layers = {
        **conf.transport_backends(),
        **conf.channel_layers(),
    }  # Channels' setting has priority
    for alias, layer in layers.items():
        shared = {first.setdefault(place, alias): place[0] for place in _places_of(layer)}
        shared.pop(alias, None)
        for other, place in shared.items():
            yield Warning(
                f"The channel layers {other!r} and {alias!r} share their groups and channels: "
                f"both are at {place}.",
                hint=f'Write "prefix": {alias!r} into the CONFIG of one of them, or use one alias.',
                id="channels_bridge.W010",
            )


def _places_of(layer: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield where a layer meets others, with its prefix."""
    layer_class = _class_of(layer)
    if layer_class is None or not issubclass(layer_class, LinkedChannelLayer):
        return
    try:
        config = layer_class.config_class.from_options(layer.get("CONFIG", {}))
    except ImproperlyConfigured:  # E004 reports it
        return
    assert isinstance(config, LinkedConfig)
    yield from ((place, config.prefix) for place in config.places)


def _check_runtime_dir() -> Iterator[CheckMessage]:
    try:
        conf.runtime_dir()
    except ValueError as error:
        yield Error(f"{error}.", id="channels_bridge.E010")


def _check_routes() -> Iterator[CheckMessage]:
    module = conf.route_module()
    if module and not _can_find(module):
        yield Error(
            f"WEBSOCKET_ROUTE_MODULE is {module!r}, which is not a module that can be imported.",
            hint='Name the module that holds your urlpatterns, such as "mysite.routing".',
            id="channels_bridge.E005",
        )


def _can_find(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def _check_middleware() -> Iterator[CheckMessage]:
    for path in conf.middleware():
        try:
            import_string(path)
        except ImportError as error:
            yield Error(
                f"WEBSOCKET_MIDDLEWARE: {path!r} cannot be imported: {error}.",
                hint=_did_you_mean(path, conf.DEFAULT_MIDDLEWARE),
                id="channels_bridge.E006",
            )


def _check_sync_threads() -> Iterator[CheckMessage]:
    threads = conf.sync_threads()
    if isinstance(threads, bool) or not isinstance(threads, int) or threads < 1:
        yield Error(
            f"WEBSOCKET_SYNC_THREADS is {threads!r}, which is not a number of threads.",
            hint="Write a whole number above 0, such as 8.",
            id="channels_bridge.E007",
        )


def _check_shared_handlers() -> Iterator[CheckMessage]:
    shares = conf.shared_handlers()
    if not isinstance(shares, bool):
        yield Error(
            f"WEBSOCKET_SHARED_HANDLERS is {shares!r}, which is neither True nor False.",
            hint="Write False to have each member's handler run, or leave the setting out.",
            id="channels_bridge.E013",
        )


def _check_server() -> Iterator[CheckMessage]:
    # Not sooner: all processes of a project load these checks, but few run a server.
    from channels_bridge.project.options.option_sources import mistakes_in_setting

    for mistake in mistakes_in_setting(conf.server_options()):
        yield Error(mistake, id="channels_bridge.E014")


def _check_names() -> Iterator[CheckMessage]:
    for name in set(filter(str.isupper, dir(settings))) - {*dir(global_settings), *_KNOWN}:
        if hint := _did_you_mean(name, _KNOWN, cutoff=0.85):
            yield Warning(
                f"The setting {name} is unknown and has no effect.",
                hint=hint,
                id="channels_bridge.W001",
            )


def _did_you_mean(word: str, known: tuple[str, ...], cutoff: float = 0.6) -> str | None:
    matches = difflib.get_close_matches(word, known, n=1, cutoff=cutoff)
    return f"Did you mean {matches[0]}?" if matches else None


def _check_runserver() -> Iterator[CheckMessage]:
    """Check which ``runserver`` is used: the first application's, which may wrap the next one's."""
    app = get_commands()["runserver"]
    modules = () if app == "channels_bridge" else _modules_of_runserver(app)
    layers = [*conf.channel_layers().values(), *conf.transport_backends().values()]
    if not modules or f"channels_bridge.{_RUNSERVER}" in modules:
        return
    if f"daphne.{_RUNSERVER}" in modules:
        lacks, instead = "starts no hub for the channel layers", "run websockets_hub beside it"
        missed = any(map(_is_over_grpc, layers))
    else:
        # Without Daphne and without an application, no runserver that takes them has been lost.
        lacks, instead = "takes no WebSockets", "run websockets_server --reload instead"
        missed = find_spec("daphne") is not None or bool(conf.asgi_application())
    if missed:
        yield Warning(
            f"The runserver of {app} is used, which {lacks}.",
            hint=f'Put "channels_bridge" before "{app}" in INSTALLED_APPS; if you can\'t, '
            f"{instead}.",
            id="channels_bridge.W003",
        )


def _modules_of_runserver(app: str) -> Sequence[str]:
    """The modules that define an application's ``runserver`` and its base classes."""
    try:
        command = load_command_class(app, "runserver")
    except ImportError:
        return ()  # the error shows when it is run
    return [base.__module__ for base in type(command).__mro__]


def _is_over_grpc(layer: Mapping[str, Any]) -> bool:
    layer_class = _class_of(layer)
    return layer_class is not None and issubclass(layer_class, GrpcChannelLayer)


def _class_of(layer: Mapping[str, Any]) -> type[object] | None:
    try:
        layer_class = import_string(layer.get("BACKEND") or "")
    except ImportError:
        return None
    return layer_class if isinstance(layer_class, type) else None
