"""Functions of Channels and Daphne that this package rebuilds or relies on, as it knows them.

Steps when one has changed, which test_upstream_pins.py tells:

1. See how: compare it with the newest version below whose digest is known.
2. Do the same where it says that it was rebuilt, for old and new versions alike. If what users see
   differs between them, write a scenario for it in compat_tests/parity.
3. Run ``python -m compat_tests.surface.pins``, and put the new digest beside the others.
"""

from __future__ import annotations

import ast
import hashlib
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

#: Function -> where it is rebuilt or relied on, and the digests of its source, each with the first
#: version that has it.
PINS: dict[str, tuple[str, dict[str, str]]] = {
    "channels.consumer:AsyncConsumer.__call__": ("runloop.py", {"4.2.0": "bee272af3ba7"}),
    "channels.consumer:AsyncConsumer.dispatch": ("runloop.py", {"4.2.0": "8acee1bceaa8"}),
    "channels.consumer:SyncConsumer.dispatch": ("runloop.py", {"4.2.0": "eb52bb02e141"}),
    "channels.consumer:get_handler_name": ("groups/message.py", {"4.2.0": "89bada7d594c"}),
    "channels.utils:await_many_dispatch": ("runloop.py", {"4.2.0": "436b183c4a82"}),
    "channels.sessions:InstanceSessionWrapper.__init__": ("runloop.py", {"4.2.0": "af31c0f1a743"}),
    "channels.sessions:InstanceSessionWrapper.send": ("runloop.py", {"4.2.0": "b790cc714650"}),
    "channels.generic.websocket:WebsocketConsumer.websocket_disconnect": (
        "runloop.py",
        {"4.2.0": "dad72896ed95"},
    ),
    "channels.generic.websocket:AsyncWebsocketConsumer.websocket_disconnect": (
        "runloop.py",
        {"4.2.0": "c4cfb6b91b8a"},
    ),
    "channels.db:aclose_old_connections": ("housekeeping.py", {"4.2.0": "e5fbbc4f6bc1"}),
    "channels.routing:ProtocolTypeRouter.__call__": ("asgi.py", {"4.2.0": "88e73a982f04"}),
    "channels.routing:URLRouter.__call__": ("asgi.py", {"4.2.0": "3e4528e39adf"}),
    "channels.layers:get_channel_layer": ("transport.py", {"4.2.0": "a642e28445ee"}),
    "channels.layers:ChannelLayerManager._reset_backends": (
        "transport.py",
        {"4.2.0": "30b48796da59"},
    ),
    "channels.layers:ChannelLayerManager._make_backend": (
        "transport.py",
        {"4.2.0": "7b0788b8c2d7", "4.3.0": "34a464e14ea6"},
    ),
    "channels.layers:BaseChannelLayer.__init__": ("groups/layer.py", {"4.2.0": "c7f6a1400e60"}),
    "channels.layers:BaseChannelLayer.compile_capacities": (
        "groups/layer.py",
        {"4.2.0": "ad30e2a64fdf"},
    ),
    "channels.layers:BaseChannelLayer.get_capacity": ("groups/layer.py", {"4.2.0": "8630fb1e817c"}),
    "channels.layers:BaseChannelLayer.valid_channel_name": (
        "groups/layer.py",
        {"4.2.0": "760f7bcb2082", "4.2.2": "3686d207b977"},
    ),
    "channels.layers:BaseChannelLayer.require_valid_channel_name": (
        "groups/layer.py",
        {"4.2.1": "65a6a5c7cafd"},
    ),
    "channels.layers:BaseChannelLayer.require_valid_group_name": (
        "groups/layer.py",
        {"4.2.1": "98e39bea9562"},
    ),
    "channels.worker:Worker": ("management/commands/runworker.py", {"4.2.0": "fb00522ab19e"}),
    "channels.management.commands.runworker:Command": (
        "management/commands/runworker.py",
        {"4.2.0": "ac9027c0a6e9"},
    ),
    "channels.testing.application:ApplicationCommunicator": (
        "surface.py",
        {"4.2.0": "a214f4c13f46"},
    ),
    "channels.testing.live:make_application": ("testing/live.py", {"4.2.0": "abb1c4d52f0c"}),
    "channels.testing.live:set_database_connection": (
        "testing/live.py",
        {"4.3.0": "c003f61154b9", "4.3.1": "74543ab35f9a"},
    ),
    "channels.testing.live:ChannelsLiveServerTestCase": (
        "testing/live.py",
        {"4.2.0": "017864bd1924", "4.3.0": "7ad01714aa64"},
    ),
    "daphne.testing:DaphneProcess": (
        "testing/process.py",
        {"4.1.2": "6e6eba910e58", "4.2.0": "2a155bed5a3a"},
    ),
}


def installed(function: str) -> str:
    """The version that is installed of the package that a function is in."""
    return version(function.partition(".")[0])


def digest(function: str) -> str | None:
    """Of the source of ``module:qualified.name`` as installed; None if there is no such function.

    The file is read, not imported: ``channels.testing.live`` needs Daphne for that.
    """
    module, _, path = function.partition(":")
    package, *submodules = module.split(".")
    spec = find_spec(package)
    assert spec is not None and spec.origin is not None, package
    source = Path(spec.origin).parent.joinpath(*submodules).with_suffix(".py").read_text()
    node: ast.AST | None = ast.parse(source)
    for name in path.split("."):
        node = _find(node, name)
    segment = None if node is None else ast.get_source_segment(source, node)
    return None if segment is None else hashlib.sha256(segment.encode()).hexdigest()[:12]


def _find(node: ast.AST | None, name: str) -> ast.AST | None:
    children = [] if node is None else ast.iter_child_nodes(node)
    return next((child for child in children if getattr(child, "name", None) == name), None)


if __name__ == "__main__":
    for function, (_, digests) in PINS.items():
        mark = " " if digest(function) in digests.values() else "*"
        print(mark, function, installed(function), digest(function))
