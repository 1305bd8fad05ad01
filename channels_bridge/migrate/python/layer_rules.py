"""CB103 to CB106, CB109 and CB110: the channel layer in the settings."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from channels_bridge.common.other_layers import REDIS_OPTIONS
from channels_bridge.migrate.model.edit import Edit
from channels_bridge.migrate.model.migrate_options import MigrateOptions
from channels_bridge.migrate.model.project import Project
from channels_bridge.migrate.model.python_file import PythonFile
from channels_bridge.migrate.model.rule import Finder, Finding, Rule, Severity
from channels_bridge.migrate.python.layer_settings import (
    IN_MEMORY,
    LAYERS,
    REDIS_BACKENDS,
    LayerSetting,
    find_key,
    layer_settings,
    other_uses,
)
from channels_bridge.migrate.python.literals import remove_item, replace_string

OURS = {
    "grpc": "channels_bridge.layers.GrpcChannelLayer",
    "local": "channels_bridge.layers.LocalChannelLayer",
    "nats": "channels_bridge.layers.NatsChannelLayer",
}

#: Options of other layers that mean the same to ours; each of these layers has them.
SHARED = ("capacity", "channel_capacity", "expiry", "group_expiry")

#: What ``prefix`` may be with our layers.
_PREFIX = re.compile(r"[A-Za-z0-9._:-]{0,100}", re.ASCII)

#: Layers that other rules speak of, or system checks.
_SPOKEN_OF = ("asgi_redis.", "channels.", "channels_bridge.", "channels_redis.")

CB103 = Rule(
    "CB103",
    Severity.WARNING,
    "the channel layer is channels_redis",
    "channels_redis works under this server as it is. GrpcChannelLayer takes its place where all "
    "processes that send to groups run as one user on one machine, NatsChannelLayer where they "
    "run on several. With --layer auto, grpc is written where the hosts of Redis are written "
    "down and are on this machine, and nothing else uses CHANNEL_LAYERS; --layer keep leaves "
    "the layer alone.",
    "README.md#who-finds-the-groups",
)
CB104 = Rule(
    "CB104",
    Severity.ERROR,
    "CONFIG has options of another layer",
    "A layer of this package refuses options that it does not have, so the server does not "
    "start (E004). capacity, channel_capacity, expiry, group_expiry and prefix are the same.",
    "settings.md#channel_layers",
)
CB105 = Rule(
    "CB105",
    Severity.WARNING,
    "CHANNEL_LAYERS is computed, or used elsewhere",
    "What is computed when settings are imported cannot be read: change the branch that the "
    "server uses, by hand. Code that reads or changes CHANNEL_LAYERS would miss options such as "
    "hosts once the layer is another one: give it a setting of its own.",
    "settings.md#channel_layers",
)
CB106 = Rule(
    "CB106",
    Severity.WARNING,
    "the server's settings have InMemoryChannelLayer",
    "Its groups reach one process only. With several workers, and from management commands and "
    "tasks, GrpcChannelLayer reaches all members. It takes messages that can be serialised only.",
    "settings.md#channel_layers",
)
CB109 = Rule(
    "CB109",
    Severity.WARNING,
    "groups were encrypted (symmetric_encryption_keys)",
    "GrpcChannelLayer's messages stay on the machine, in sockets that only its user can open. Over "
    "NATS use TLS, which encrypts them on the way; nothing is encrypted within the NATS server.",
    "several_machines.md#settings",
)
CB110 = Rule(
    "CB110",
    Severity.ADVICE,
    "the channel layer is of another package, or of the project",
    "It works under this server as it is, with what it says of itself. One that derives from a "
    "layer of channels_redis needs that package and a Redis server, as before.",
    "settings.md#channel_layers",
)


def find(project: Project, options: MigrateOptions) -> Iterator[Finding]:
    """Look at every CHANNEL_LAYERS of the project, and at what else uses it."""
    layers, others = layer_settings(project)
    uses = list(other_uses(project))
    local = all(one.is_local() for one in layers if one.backend_name in REDIS_BACKENDS)
    alone = not uses and not others
    layer = options.layer
    if layer == "auto":
        layer = "grpc" if local and alone else "keep"
    for one in layers:
        yield from _find_in_layer(one, layer, alone)
    yield from _find_computed(others)
    yield from _find_uses(uses)


def _find_in_layer(one: LayerSetting, layer: str, alone: bool) -> Iterator[Finding]:
    name, module = one.backend_name, one.module
    if name in REDIS_BACKENDS:
        yield _redis(one, layer, alone)
    elif name == IN_MEMORY and one.reached and not one.conditional:
        yield _in_memory(one)
    elif name in OURS.values():
        yield from _foreign_options(one)
    elif name is not None and not name.startswith(_SPOKEN_OF):
        assert one.backend is not None
        text = f"{one.alias!r} is {name}, which works as it is."
        yield CB110.at(module.file, module.start(one.backend), text)
    elif name is None and one.backend is not None:
        yield _computed(module, one.backend, "BACKEND")
    if (key := one.config_key("symmetric_encryption_keys")) is not None:
        text = "CONFIG has symmetric_encryption_keys: Redis saw encrypted messages only."
        fix = "Where groups leave the machine, use NatsChannelLayer with TLS."
        yield CB109.at(module.file, module.start(key), text, fix=fix)


def _redis(one: LayerSetting, layer: str, alone: bool) -> Finding:
    """Find channels_redis; with edits where all of it is certain."""
    assert one.backend is not None
    certain = alone and one.alone and not one.conditional and layer in ("grpc", "local")
    edits = _replacement(one, OURS[layer]) if certain else ()
    new = OURS[layer if layer in OURS else "grpc"]
    return CB103.at(
        one.module.file,
        one.module.start(one.backend),
        f"The layer {one.alias!r} is {one.backend_name}, which needs a Redis server"
        + (", where a condition holds." if one.conditional else "."),
        fix=f"Write {new} and remove what CONFIG says of Redis, {_where(layer)}"
        + (f"; give each alias another prefix, such as {one.alias!r}" if not one.alone else "")
        + ". Or keep channels_redis, which works.",
        edits=edits,
    )


def _where(layer: str) -> str:
    if layer == "nats":
        return 'and set its "servers", such as ["tls://nats.internal:4222"]'
    return (
        "if all that sends to groups runs as one user on one machine; on several machines "
        f"write {OURS['nats']}"
    )


def _replacement(one: LayerSetting, name: str) -> tuple[Edit, ...]:
    """Change BACKEND and clear CONFIG; nothing where part of it is not certain."""
    assert one.backend is not None
    backend = replace_string(one.module, one.backend, name)
    config = _cleared_config(one, local=name == OURS["local"])
    return () if backend is None or config is None else (backend, *config)


def _cleared_config(one: LayerSetting, *, local: bool) -> tuple[Edit, ...] | None:
    """Remove what is of Redis; None where that cannot be told."""
    key = find_key(one.literal, "CONFIG")
    if key is None:
        return ()
    config = one.config
    if not isinstance(config, ast.Dict):
        return None
    keys = [k for k in config.keys if isinstance(k, ast.Constant) and isinstance(k.value, str)]
    if len(keys) < len(config.keys) or not _prefix_is_valid(config):
        return None
    kept = SHARED if local else (*SHARED, "prefix")
    gone = [k for k in keys if k.value not in kept]
    if len(gone) == len(keys):
        return _as_edits([remove_item(one.module, one.literal, key)])
    return _removed(one.module, config, gone)


def _removed(
    module: PythonFile, config: ast.Dict, gone: Sequence[ast.expr]
) -> tuple[Edit, ...] | None:
    return _as_edits([remove_item(module, config, key) for key in gone])


def _as_edits(edits: list[Edit | None]) -> tuple[Edit, ...] | None:
    certain = tuple(edit for edit in edits if edit is not None)
    return certain if len(certain) == len(edits) else None


def _prefix_is_valid(config: ast.Dict) -> bool:
    key = find_key(config, "prefix")
    if key is None:
        return True
    match config.values[config.keys.index(key)]:
        case ast.Constant(value=str(prefix)):
            return _PREFIX.fullmatch(prefix) is not None
    return False


def _in_memory(one: LayerSetting) -> Finding:
    assert one.backend is not None
    return CB106.at(
        one.module.file,
        one.module.start(one.backend),
        f"The layer {one.alias!r} is {IN_MEMORY}, whose groups reach one process.",
        fix=f"Write {OURS['grpc']}, unless the server has one worker and nothing else sends.",
    )


def _foreign_options(one: LayerSetting) -> Iterator[Finding]:
    """Find what is of channels_redis beside a layer of ours."""
    if not isinstance(one.config, ast.Dict):
        return
    foreign = set(REDIS_OPTIONS) - ({"prefix"} if one.backend_name != OURS["local"] else set())
    for key in one.config.keys:
        if isinstance(key, ast.Constant) and key.value in foreign:
            edits = _cleared_config(one, local=one.backend_name == OURS["local"])
            yield CB104.at(
                one.module.file,
                one.module.start(key),
                f"CONFIG has {key.value!r}, an option of channels_redis: {one.backend_name} "
                "refuses it.",
                fix=f"Remove {key.value!r} from CONFIG.",
                edits=edits if edits and one.backend_name != OURS["nats"] else (),
            )


def _find_computed(others: list[tuple[PythonFile, ast.stmt]]) -> Iterator[Finding]:
    for module, statement in others:
        yield _computed(module, statement, LAYERS)


def _computed(module: PythonFile, node: ast.expr | ast.stmt, what: str) -> Finding:
    names = ", ".join(_backends_in(node))
    seen = f", from {names}" if names else ""
    return CB105.at(
        module.file,
        module.start(node),
        f"{what} is computed{seen}: what the server uses cannot be read.",
        fix=f"Make {OURS['grpc']} the one that the server uses, without the options of Redis in "
        f"CONFIG; on several machines {OURS['nats']}. Or keep the layer, which works.",
    )


def _backends_in(node: ast.AST) -> list[str]:
    """Return the classes that a value is chosen from."""
    texts = [n.value for n in ast.walk(node) if isinstance(n, ast.Constant)]
    names = [text for text in texts if isinstance(text, str) and text.endswith("ChannelLayer")]
    return list(dict.fromkeys(name.rpartition(".")[2] for name in names))


def _find_uses(uses: list[tuple[PythonFile, ast.expr]]) -> Iterator[Finding]:
    for module, node in uses:
        yield CB105.at(
            module.file,
            module.start(node),
            "CHANNEL_LAYERS is used here: the options of Redis would be missing.",
            fix="Give this code a setting of its own, before the layer becomes another one.",
        )


LAYER_FINDER = Finder((CB103, CB104, CB105, CB106, CB109, CB110), find)
