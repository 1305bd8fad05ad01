"""Upstream's functions that this package rebuilds, overrides or relies on, as it knows them.

Of Channels and Daphne those that are rebuilt; of uvicorn, asgiref, websockets and Python itself the
private ones that are used, and what they are used in.

Steps when one has changed, which test_upstream_pins.py tells:

1. See how: compare it with the newest version below whose digest is known.
2. Do the same where it says that it was rebuilt, for old and new versions alike. If what users see
   differs between them, write a scenario for it in compat_tests/parity.
3. Run ``python -m compat_tests.surface.pins``, and put the new digest beside the others.
4. Where pyproject.toml has an upper bound for the package, raise it, and in
   ``server/optional_packages.py``.
"""

from __future__ import annotations

import ast
import hashlib
import sys
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from platform import python_version

#: Instead of the digest of a function that has no source: there is one.
COMPILED = "compiled"

#: Function -> where it is rebuilt or relied on, and the digests of its source, each with the first
#: version that has it.
PINS: dict[str, tuple[str, dict[str, str]]] = {
    "channels.consumer:AsyncConsumer.__call__": (
        "runloop/consumer_loop.py",
        {"4.2.0": "bee272af3ba7"},
    ),
    "channels.consumer:AsyncConsumer.dispatch": (
        "runloop/consumer_loop.py",
        {"4.2.0": "8acee1bceaa8"},
    ),
    "channels.consumer:SyncConsumer.dispatch": (
        "runloop/consumer_loop.py",
        {"4.2.0": "eb52bb02e141"},
    ),
    "channels.consumer:get_handler_name": ("groups/message.py", {"4.2.0": "89bada7d594c"}),
    "channels.utils:await_many_dispatch": ("runloop/consumer_loop.py", {"4.2.0": "436b183c4a82"}),
    "channels.sessions:InstanceSessionWrapper.__init__": (
        "runloop/consumer_loop.py",
        {"4.2.0": "af31c0f1a743"},
    ),
    "channels.sessions:InstanceSessionWrapper.send": (
        "runloop/consumer_loop.py",
        {"4.2.0": "b790cc714650"},
    ),
    "channels.generic.websocket:WebsocketConsumer.websocket_disconnect": (
        "runloop/consumer_loop.py",
        {"4.2.0": "dad72896ed95"},
    ),
    "channels.generic.websocket:AsyncWebsocketConsumer.websocket_disconnect": (
        "runloop/consumer_loop.py",
        {"4.2.0": "c4cfb6b91b8a"},
    ),
    "channels.consumer:AsyncConsumer.send": (
        "runloop/upstream_consumers.py",
        {"4.2.0": "b677b416ae3d"},
    ),
    "channels.consumer:SyncConsumer.send": (
        "runloop/upstream_consumers.py",
        {"4.2.0": "4ce5f7f240f6"},
    ),
    "channels.generic.websocket:WebsocketConsumer.send": (
        "runloop/upstream_consumers.py",
        {"4.2.0": "2c4414ae1fea"},
    ),
    "channels.generic.websocket:JsonWebsocketConsumer.send_json": (
        "runloop/upstream_consumers.py",
        {"4.2.0": "b50a06cef649"},
    ),
    "channels.generic.websocket:JsonWebsocketConsumer.encode_json": (
        "runloop/upstream_consumers.py",
        {"4.2.0": "888be2042ee1"},
    ),
    "channels.generic.websocket:AsyncWebsocketConsumer.send": (
        "runloop/upstream_consumers.py",
        {"4.2.0": "a06f78fa02bb"},
    ),
    "channels.generic.websocket:AsyncJsonWebsocketConsumer.send_json": (
        "runloop/upstream_consumers.py",
        {"4.2.0": "f4223c64a9c3"},
    ),
    "channels.generic.websocket:AsyncJsonWebsocketConsumer.encode_json": (
        "runloop/upstream_consumers.py",
        {"4.2.0": "da7c59b083e4"},
    ),
    "channels.db:aclose_old_connections": ("runloop/db_housekeeping.py", {"4.2.0": "e5fbbc4f6bc1"}),
    "channels.auth:get_user": ("runloop/user_lookup.py", {"4.2.0": "1cacf457a63a"}),
    "channels.auth:AuthMiddleware.resolve_scope": (
        "runloop/user_lookup.py",
        {"4.2.0": "925d8b771467"},
    ),
    "channels.routing:ProtocolTypeRouter.__call__": (
        "project/asgi_application.py",
        {"4.2.0": "88e73a982f04"},
    ),
    "channels.routing:URLRouter.__call__": (
        "project/asgi_application.py",
        {"4.2.0": "3e4528e39adf"},
    ),
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
    "uvicorn.protocols.http.httptools_impl:HttpToolsProtocol.__init__": (
        "server/http/protocol.py",
        {
            "0.30.0": "c242b1aeddb4",
            "0.32.1": "50e5b8098e74",
            "0.41.0": "c4fbd2196195",
            "0.50.0": "d5fa7df7a7fc",
        },
    ),
    "uvicorn.protocols.http.httptools_impl:HttpToolsProtocol.connection_made": (
        "server/http/protocol.py",
        {"0.30.0": "90cf013eb407"},
    ),
    "uvicorn.protocols.http.httptools_impl:HttpToolsProtocol.connection_lost": (
        "server/http/protocol.py",
        {"0.30.0": "c5567cca5922"},
    ),
    "uvicorn.protocols.http.httptools_impl:HttpToolsProtocol._unset_keepalive_if_required": (
        "server/http/protocol.py",
        {"0.30.0": "a0cb611c0ea9"},
    ),
    "uvicorn.protocols.http.httptools_impl:HttpToolsProtocol.on_message_begin": (
        "server/http/protocol.py",
        {"0.30.0": "c8ba0c68b074", "0.32.1": "148983122161", "0.50.0": "8b027723aca3"},
    ),
    "uvicorn.protocols.http.httptools_impl:HttpToolsProtocol.on_url": (
        "server/http/protocol.py",
        {"0.30.0": "67bc33f51b49"},
    ),
    "uvicorn.protocols.http.httptools_impl:HttpToolsProtocol.on_header": (
        "server/http/protocol.py",
        {"0.30.0": "a5fcba108a22"},
    ),
    "uvicorn.protocols.http.httptools_impl:HttpToolsProtocol.on_headers_complete": (
        "server/http/protocol.py",
        {
            "0.30.0": "a2a3ebe2c2d8",
            "0.39.0": "80541f98cc55",
            "0.45.0": "d17cc95b266e",
            "0.53.0": "c713423e2fb6",
        },
    ),
    "uvicorn.protocols.http.httptools_impl:HttpToolsProtocol._start_asgi_task": (
        "server/http/protocol.py",
        {"0.45.0": "6bc6200ff254"},
    ),
    "uvicorn.protocols.http.httptools_impl:HttpToolsProtocol.on_body": (
        "server/http/protocol.py",
        {"0.30.0": "f10f577730cd"},
    ),
    "uvicorn.protocols.http.httptools_impl:HttpToolsProtocol.on_message_complete": (
        "server/http/protocol.py",
        {"0.30.0": "ca6a0254d3b3"},
    ),
    "uvicorn.protocols.http.httptools_impl:HttpToolsProtocol.on_response_complete": (
        "server/http/protocol.py",
        {"0.30.0": "7af1db915f4e", "0.45.0": "ca5f13dad87a"},
    ),
    "uvicorn.protocols.http.httptools_impl:HttpToolsProtocol.shutdown": (
        "server/http/protocol.py",
        {"0.30.0": "fdf03f2f1c77"},
    ),
    "uvicorn.protocols.http.httptools_impl:HttpToolsProtocol.timeout_keep_alive_handler": (
        "server/http/protocol.py",
        {"0.30.0": "e9a4938ca292"},
    ),
    "uvicorn.protocols.http.httptools_impl:RequestResponseCycle.__init__": (
        "server/http/page.py",
        {"0.30.0": "811fd0e942be", "0.42.0": "5a7283a0be2b"},
    ),
    "uvicorn.protocols.http.httptools_impl:RequestResponseCycle.run_asgi": (
        "server/http/page.py",
        {"0.30.0": "3a0a2cb6806d"},
    ),
    "uvicorn.protocols.http.httptools_impl:RequestResponseCycle.send": (
        "server/http/page.py",
        {
            "0.30.0": "a9ad0e6ddb7a",
            "0.30.3": "31a5412a3ece",
            "0.45.0": "ddca3727f7f5",
            "0.53.0": "1353b43763cb",
        },
    ),
    "uvicorn.protocols.http.httptools_impl:RequestResponseCycle.receive": (
        "server/http/page.py",
        {"0.30.0": "b1585b50625e", "0.42.0": "b717688fddd6"},
    ),
    "uvicorn.server:ServerState": ("server/http/shared_state.py", {"0.30.0": "558f0bce5c71"}),
    "asgiref.sync:_restore_context": (
        "runloop/context_variables.py",
        {"3.8.0": "7f09dd9132df", "3.12.0": "445a908bc00f", "3.13.0": "a0a3051d7988"},
    ),
    "asgiref.sync:SyncToAsync.threadlocal": ("runloop/sync_dispatch.py", {"3.8.0": "76ecb386f9a0"}),
    "asgiref.sync:SyncToAsync.thread_handler": (
        "runloop/sync_dispatch.py",
        {"3.8.0": "4bfb076b9dff"},
    ),
    "asgiref.sync:SyncToAsync.thread_sensitive_context": (
        "runloop/sync_threads.py",
        {"3.8.0": "622e6804381a"},
    ),
    "asgiref.sync:SyncToAsync.__call__": (
        "runloop/sync_dispatch.py",
        {
            "3.8.0": "691cc30e1345",
            "3.8.1": "b9649375d05b",
            "3.11.0": "5934d83ab054",
            "3.12.0": "f80e7a2f80fd",
            "3.12.1": "303de8fd76d2",
            "3.13.0": "6be215982962",
        },
    ),
    "asgiref.sync:ThreadSensitiveContext": (
        "runloop/sync_threads.py",
        {"3.8.0": "29871890b983", "3.12.0": "7f8057cc6799", "3.13.0": "530246d58046"},
    ),
    "asgiref.sync:AsyncToSync.__call__": (
        "runloop/sync_dispatch.py",
        {
            "3.8.0": "a658d4e8f32c",
            "3.9.0": "26e7e78678ad",
            "3.10.0": "7ea4e6c8dfa2",
            "3.12.0": "5993d2dd6eef",
        },
    ),
    "asgiref.sync:AsyncToSync.main_wrap": (
        "runloop/sync_dispatch.py",
        {"3.8.0": "16be8e83b8a8", "3.9.0": "f9ab560f0fcb", "3.12.0": "5326c94dc496"},
    ),
    "websockets.protocol:Protocol.__init__": (
        "server/websocket/receiver.py",
        {"15.0": "9df92563b134", "16.0": "a51eed5f07ab", "17.4": "a1ff314e464f"},
    ),
    "websockets.extensions.permessage_deflate:PerMessageDeflate.__init__": (
        "server/websocket/frames.py",
        {"15.0": "7fbd1d33bd07", "17.2": "b47da163b180"},
    ),
    "websockets.extensions.permessage_deflate:PerMessageDeflate.decode": (
        "server/websocket/fast_path.py",
        {"15.0": "8c9a2b3c78da", "16.0": "700ec88ec9a8", "17.0": "0ad54e7730cf"},
    ),
    "channels.consumer:AsyncConsumer._sync": (
        "runloop/consumer_loop.py",
        {"4.2.0": "6ee0ef1cc9bd"},
    ),
    "channels.consumer:SyncConsumer._sync": ("runloop/consumer_loop.py", {"4.2.0": "c6456206d774"}),
    "asgiref.sync:AsyncSingleThreadContext": (
        "groups/home/known_outcome.py",
        {"3.10.0": "720691bab375"},
    ),
    "asgiref.sync:AsyncToSync.async_single_thread_context": (
        "groups/home/known_outcome.py",
        {"3.10.0": "ae127728edb2"},
    ),
    "asgiref.sync:AsyncToSync.context_to_thread_executor": (
        "groups/home/known_outcome.py",
        {"3.10.0": "e7dd288741af", "3.12.0": "048a0b88e0e8"},
    ),
    "asyncio.events:_set_running_loop": (
        "groups/home/known_outcome.py",
        {"3.10": "3a054c4fbe88"},
    ),
    "asyncio.events:_get_running_loop": ("runloop/sync_send.py", {"3.10": "1f7a1456c568"}),
    "argparse:_ActionsContainer._add_action": (
        "management/commands/websockets_server.py",
        {"3.10": "2bd2779acb60"},
    ),
    "atexit:_run_exitfuncs": ("common/exit_deadline.py", {"3.10": COMPILED}),
    "json:dumps": (
        "runloop/pure_functions.py",
        {"3.10": "ea77182fadfb", "3.14": "385d8959ea28"},
    ),
    "json:_default_encoder": ("runloop/pure_functions.py", {"3.10": "99975697906f"}),
    "json.encoder:JSONEncoder": (
        "runloop/pure_functions.py",
        {
            "3.10": "c12c6ea80783",
            "3.13": "b3e78d287d1e",
            "3.14": "058213369623",
            "3.15": "159dbd49d46c",
        },
    ),
    "inspect:getblock": (
        "runloop/function_source.py",
        {"3.10": "855697393d6e", "3.12": "e400eba5d357"},
    ),
    "subprocess:_args_from_interpreter_flags": (
        "common/child_program.py",
        {
            "3.10": "cd9af26b321d",
            "3.11": "51eb5381466c",
            "3.13": "e86d098d1193",
            "3.14": "16c0a862b885",
        },
    ),
}


def installed(function: str) -> str:
    """The version that is installed of the package that a function is in."""
    package = function.partition(":")[0].partition(".")[0]
    return python_version() if package in sys.stdlib_module_names else version(package)


def digest(function: str) -> str | None:
    """Of the source of ``module:qualified.name`` as installed; None if there is no such thing.

    The file is read, not imported: ``channels.testing.live`` needs Daphne for that.
    """
    module, _, path = function.partition(":")
    package, *submodules = module.split(".")
    spec = find_spec(package)
    assert spec is not None and spec.origin is not None, package
    if spec.origin == "built-in":
        return COMPILED if hasattr(import_module(module), path) else None
    file = Path(spec.origin)
    if submodules:
        file = file.parent.joinpath(*submodules).with_suffix(".py")
    source = file.read_text()
    node: ast.AST | None = ast.parse(source)
    for name in path.split("."):
        node = _find(node, name)
    segment = None if node is None else ast.get_source_segment(source, node)
    return None if segment is None else hashlib.sha256(segment.encode()).hexdigest()[:12]


def _find(node: ast.AST | None, name: str) -> ast.AST | None:
    children = [] if node is None else ast.iter_child_nodes(node)
    return next((child for child in children if name in _names(child)), None)


def _names(node: ast.AST) -> list[str]:
    """What a statement defines."""
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
    return []


if __name__ == "__main__":
    for function, (_, digests) in PINS.items():
        mark = " " if digest(function) in digests.values() else "*"
        print(mark, function, installed(function), digest(function))
