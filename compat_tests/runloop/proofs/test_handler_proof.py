"""Proofs: what is the same for every member, what is noticed by whom, and what is refused."""

from __future__ import annotations

import builtins
import contextlib
import importlib.util
import json
import linecache
import subprocess
import sys
import types
import zipfile
import zipimport
from pathlib import Path
from unittest import mock

import pytest
from channels import consumer as channels_consumer
from channels.generic import websocket
from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer

from channels_bridge.groups import GroupMessage
from channels_bridge.groups.codec import GROUP_MESSAGE
from channels_bridge.groups.history.member_listener import LogEvent
from channels_bridge.runloop import upstream_consumers
from channels_bridge.runloop.handler_proof import Proof, prove
from channels_bridge.runloop.refusals import Refusal
from compat_tests.runloop.proofs.written_handlers import run, write_module, write_room
from compat_tests.surface.pins import PINS

BASES = (
    "AsyncWebsocketConsumer",
    "AsyncJsonWebsocketConsumer",
    "WebsocketConsumer",
    "JsonWebsocketConsumer",
)
EVENT = {"type": "chat.message", "message": "h\u00e9llo", "list": [1, 2.5], "data": b"\x00\xff"}

TUTORIAL = """
    async def chat_message(self, event):
        message = event["message"]

        # Send message to WebSocket
        await self.send(text_data=json.dumps({"message": message}))
"""
SYNC_TUTORIAL = TUTORIAL.replace("async ", "").replace("await ", "")
JSON = """
    async def chat_message(self, event):
        await self.send_json({"message": event["message"], "prefix": PREFIX})
"""
SYNC_JSON = JSON.replace("async ", "").replace("await ", "")

TEXTS = [
    ("AsyncWebsocketConsumer", TUTORIAL),
    ("AsyncJsonWebsocketConsumer", TUTORIAL),
    ("AsyncJsonWebsocketConsumer", JSON),
    ("WebsocketConsumer", SYNC_TUTORIAL),
    ("JsonWebsocketConsumer", SYNC_TUTORIAL),
    ("JsonWebsocketConsumer", SYNC_JSON),
]


@pytest.mark.parametrize(("base", "text"), TEXTS)
def test_what_is_shared_is_what_each_would_send(tmp_path, base, text):
    """The tutorial's handler, and its like of all four bases, are proved, and make the same."""
    owner = write_room(tmp_path, text, base)
    proof = prove(owner, "chat_message")
    assert isinstance(proof, Proof), proof
    assert proof.still_holds(owner)
    (sent,) = run(owner, "chat_message", dict(EVENT))
    assert sent == {"type": "websocket.send", "text": proof.make(dict(EVENT))}


def test_sources_are_not_kept(tmp_path):
    """A proof leaves no file in memory: each worker would have all that have handlers."""
    owner = write_room(tmp_path, TUTORIAL)
    before = set(linecache.cache)
    assert isinstance(prove(owner, "chat_message"), Proof)
    assert set(linecache.cache) == before


def test_archive(tmp_path):
    """Handlers in an archive can be read, too."""
    file = Path(write_module(tmp_path, TUTORIAL).__file__)
    with zipfile.ZipFile(tmp_path / "handlers.zip", "w") as archive:
        archive.write(file, "archived_handlers.py")
    spec = zipimport.zipimporter(f"{tmp_path}/handlers.zip").find_spec("archived_handlers")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert isinstance(proof := prove(module.Room, "chat_message"), Proof), proof


def test_binary_data(tmp_path):
    """Bytes are sent as such, and nothing else is."""
    text = "async def chat(self, event): await self.send(bytes_data=event['data'])"
    owner = write_room(tmp_path, text)
    proof = prove(owner, "chat")
    assert proof.make(EVENT) == b"\x00\xff"
    assert run(owner, "chat", EVENT) == [{"type": "websocket.send", "bytes": b"\x00\xff"}]
    with pytest.raises(TypeError):
        proof.make({"data": "text"})


@pytest.mark.parametrize("value", [None, 1, b"bytes", ["text"]])
def test_what_is_no_text_is_left_to_each_member(tmp_path, value):
    """Whatever upstream makes of it, or the server: each member finds out for itself."""
    owner = write_room(tmp_path, "async def chat(self, event): await self.send(event['value'])")
    with pytest.raises(TypeError):
        prove(owner, "chat").make({"value": value})


def test_missing_key(tmp_path):
    """What the handler raises, making its content raises."""
    owner = write_room(tmp_path, TUTORIAL)
    with pytest.raises(KeyError):
        run(owner, "chat_message", {"type": "chat.message"})
    with pytest.raises(KeyError):
        prove(owner, "chat_message").make({"type": "chat.message"})


@pytest.mark.parametrize(
    "value",
    [
        GroupMessage("chat.message"),
        {1},
        [object()],
        {"a": ({"b": float},)},
        type("S", (str,), {})(),
    ],
)
def test_event_that_is_not_plain(tmp_path, value):
    """An event with anything but plain data in it may run code: it is left to each member."""
    owner = write_room(tmp_path, "async def chat(self, event): await self.send('text')")
    proof = prove(owner, "chat")
    assert proof.make({"value": [1]}) == "text"
    with pytest.raises(TypeError):
        proof.make({GROUP_MESSAGE: value})


def test_event_is_neither_changed_nor_asked_as_what_it_is(tmp_path):
    """The event of a group with history is a dict like any other to the handler."""
    owner = write_room(tmp_path, "async def chat(self, event): await self.send(str(event))")
    event = LogEvent(EVENT, "room", None)
    assert prove(owner, "chat").make(event) == run(owner, "chat", event)[0]["text"] == str(EVENT)
    assert event == EVENT


def test_names_that_a_consumer_may_not_have(tmp_path):
    """A proof says which attributes of an instance's own would come before those of the class."""
    assert prove(write_room(tmp_path, TUTORIAL), "chat_message").shadows == ("chat_message", "send")
    owner = write_room(tmp_path, JSON, "AsyncJsonWebsocketConsumer")
    assert prove(owner, "chat_message").shadows == ("chat_message", "send_json", "encode_json")


def test_only_of_the_class_it_was_made_for(tmp_path):
    """A subclass has a proof of its own."""
    owner = write_room(tmp_path, TUTORIAL)
    proof = prove(owner, "chat_message")
    subclass = type("Subclass", (owner,), {})
    assert not proof.still_holds(subclass)
    assert prove(subclass, "chat_message").still_holds(subclass)


# What changes while it runs


@contextlib.contextmanager
def exchanged(thing, name, value):
    """Exchange what mock deletes instead of putting it back."""
    before = getattr(thing, name)
    setattr(thing, name, value)
    try:
        yield
    finally:
        setattr(thing, name, before)


def with_other_code(function):
    """Exchange a function's code, as some instrumentation does."""
    return exchanged(function, "__code__", function.__code__.replace(co_name="traced"))


#: Each patch, of the module that a consumer is in.
PATCHES = {
    "json.dumps": lambda m: mock.patch("json.dumps"),
    "json's class": lambda m: exchanged(json, "__class__", type("Lazy", (types.ModuleType,), {})),
    "the module's json": lambda m: mock.patch.object(m, "json"),
    "the handler": lambda m: mock.patch.object(m.Room, "chat_message"),
    "a spy on the handler": lambda m: mock.patch.object(
        m.Room, "chat_message", autospec=True, side_effect=m.Room.chat_message
    ),
    "the handler's code": lambda m: with_other_code(m.Room.chat_message),
    "the handler's defaults": lambda m: exchanged(
        m.Room.chat_message, "__defaults__", ({"message": ""},)
    ),
    "send of the class": lambda m: mock.patch.object(m.Room, "send", create=True),
    "send of Channels": lambda m: mock.patch.object(m.Room.__mro__[-3], "send"),
    "send's code": lambda m: with_other_code(m.Room.send),
    "send's defaults": lambda m: exchanged(m.Room.send, "__defaults__", ("", None, True)),
    "AsyncConsumer.send": lambda m: mock.patch.object(channels_consumer.AsyncConsumer, "send"),
    "dispatch": lambda m: mock.patch.object(channels_consumer.AsyncConsumer, "dispatch"),
    "dispatch of the class": lambda m: mock.patch.object(m.Room, "dispatch"),
    "__getattribute__": lambda m: mock.patch.object(
        m.Room, "__getattribute__", object.__getattribute__
    ),
    "__getattr__": lambda m: mock.patch.object(m.Room, "__getattr__", None, create=True),
    "base_send": lambda m: mock.patch.object(m.Room, "base_send", None, create=True),
    "bases": lambda m: exchanged(
        m.Room, "__bases__", (type("Mixin", (AsyncWebsocketConsumer,), {"send": None}),)
    ),
    "the encoder": lambda m: mock.patch.object(json.JSONEncoder, "default"),
    "the encoder's class": lambda m: mock.patch("json.JSONEncoder"),
    "the encoder's state": lambda m: mock.patch.object(json._default_encoder, "sort_keys", True),
    "the encoder's own": lambda m: mock.patch.object(
        json._default_encoder, "encode", str, create=True
    ),
    "the defaults of json.dumps": lambda m: exchanged(
        json.dumps, "__kwdefaults__", json.dumps.__kwdefaults__ | {"default": str}
    ),
    "one default of json.dumps": lambda m: mock.patch.dict(
        json.dumps.__kwdefaults__, {"default": str}
    ),
    "the encoder in C": lambda m: mock.patch("json.encoder.c_make_encoder", None),
    "a builtin": lambda m: mock.patch.object(builtins, "str", type("str", (str,), {})),
    "a builtin in the module": lambda m: mock.patch.object(m, "str", ascii, create=True),
    "super": lambda m: mock.patch.object(websocket, "super", None, create=True),
}
HANDLER = """
    async def chat_message(self, event):
        await self.send(text_data=json.dumps({"message": str(event["message"]), "n": PREFIX}))
"""


@pytest.mark.parametrize("patch", PATCHES.values(), ids=PATCHES.keys())
def test_patch_is_noticed(tmp_path, patch):
    """Whatever is patched beneath a proof: it doesn't hold meanwhile, nor can it be made."""
    module = write_module(tmp_path, HANDLER)
    proof = prove(module.Room, "chat_message")
    assert isinstance(proof, Proof) and proof.still_holds(module.Room)
    with patch(module):
        assert not proof.still_holds(module.Room)
        assert isinstance(prove(module.Room, "chat_message"), Refusal)
    assert isinstance(prove(module.Room, "chat_message"), Proof)


JSON_PATCHES = {
    "json of Channels": lambda m: mock.patch.object(websocket, "json"),
    "encode_json": lambda m: mock.patch.object(m.Room.__mro__[1], "encode_json"),
    "encode_json of the class": lambda m: mock.patch.object(m.Room, "encode_json"),
    "encode_json's code": lambda m: with_other_code(m.Room.encode_json.__func__),
    "send_json": lambda m: mock.patch.object(m.Room.__mro__[1], "send_json"),
    "send": lambda m: mock.patch.object(m.Room.__mro__[2], "send"),
}


@pytest.mark.parametrize("patch", JSON_PATCHES.values(), ids=JSON_PATCHES.keys())
@pytest.mark.parametrize(
    ("base", "text"),
    [("AsyncJsonWebsocketConsumer", JSON), ("JsonWebsocketConsumer", SYNC_JSON)],
)
def test_patch_of_json_consumers_is_noticed(tmp_path, patch, base, text):
    """So it is where Channels encodes."""
    module = write_module(tmp_path, text, base)
    proof = prove(module.Room, "chat_message")
    assert isinstance(proof, Proof) and proof.still_holds(module.Room)
    with patch(module):
        assert not proof.still_holds(module.Room)
        assert isinstance(prove(module.Room, "chat_message"), Refusal)
    assert isinstance(prove(module.Room, "chat_message"), Proof)


def test_sync_dispatch_is_noticed(tmp_path):
    """A synchronous consumer's dispatch is no function, and looked at all the same."""
    owner = write_room(tmp_path, SYNC_TUTORIAL, "WebsocketConsumer")
    proof = prove(owner, "chat_message")
    with mock.patch.object(channels_consumer.SyncConsumer, "dispatch"):
        assert not proof.still_holds(owner)
        assert isinstance(prove(owner, "chat_message"), Refusal)
    assert proof.still_holds(owner)


def test_constant_is_bound_anew(tmp_path):
    """A constant of the module that is another one by now ends the proof; a new one can be made."""
    module = write_module(tmp_path, JSON, "AsyncJsonWebsocketConsumer")
    proof = prove(module.Room, "chat_message")
    module.PREFIX = "another"
    assert not proof.still_holds(module.Room)
    assert json.loads(prove(module.Room, "chat_message").make(EVENT))["prefix"] == "another"
    del module.PREFIX
    assert not proof.still_holds(module.Room)
    assert str(prove(module.Room, "chat_message")).endswith("uses PREFIX, which is not there")


# Classes that are refused


def mixin(**attributes):
    return type("Mixin", (), attributes)


class Meta(type):
    pass


class AsyncMixin(channels_consumer.AsyncConsumer):
    """Comes after AsyncWebsocketConsumer, whose ``super().send()`` it is."""

    async def send(self, message): ...


CLASSES = {
    "metaclass": (lambda room: Meta("Late", (room,), {}), "has a metaclass, Meta"),
    "send before": (lambda room: type("Late", (mixin(send=None), room), {}), "a send of its own"),
    "send after": (lambda room: type("Late", (room, AsyncMixin), {}), "a send of its own"),
    "slot": (lambda room: type("Late", (room,), {"__slots__": ("send",)}), "a send of its own"),
    "__class__": (
        lambda room: type("Late", (room,), {"__class__": property(lambda self: int)}),
        "a __class__ of its own",
    ),
    "__dict__": (
        lambda room: type("Late", (room,), {"__dict__": property(lambda self: {})}),
        "a __dict__ of its own",
    ),
    "property": (
        lambda room: type("Late", (room,), {"chat_message": property(lambda self: print)}),
        "is a property, not a plain method",
    ),
    "static": (
        lambda room: type("Late", (room,), {"chat_message": staticmethod(print)}),
        "is a staticmethod, not a plain method",
    ),
    "synchronous mixin": (
        lambda room: type("Late", (room, channels_consumer.SyncConsumer), {}),
        "none of Channels' WebSocket consumers",
    ),
    "both": (
        lambda room: type("Late", (room, WebsocketConsumer), {}),
        "none of Channels' WebSocket consumers",
    ),
    "no consumer": (lambda room: mixin(chat_message=print), "none of Channels'"),
}


@pytest.mark.parametrize(("make", "why"), CLASSES.values(), ids=CLASSES.keys())
def test_class_is_refused(tmp_path, make, why):
    """Whatever of the project's stands between a handler and its connection is a no."""
    refusal = prove(make(write_room(tmp_path, TUTORIAL)), "chat_message")
    assert isinstance(refusal, Refusal)
    assert why in str(refusal)


@pytest.mark.parametrize("name", ["send", "receive", "websocket_receive", "connect", "__init__"])
def test_names_of_channels(tmp_path, name):
    """A message whose type names a method of Channels' finds no handler that is shared."""
    owner = write_room(tmp_path, f"async def {name}(self, event): await self.send(str(event))")
    assert isinstance(prove(owner, name), Refusal)


def test_handler_that_is_not_there(tmp_path):
    """No method, no proof."""
    assert str(prove(write_room(tmp_path, TUTORIAL), "other")) == "is not there"


def test_another_channels(tmp_path, monkeypatch):
    """Of a Channels whose methods aren't known nothing is proved."""
    known = upstream_consumers.KNOWN[AsyncWebsocketConsumer]
    monkeypatch.setitem(known, "send", "0" * 12)
    refusal = prove(write_room(tmp_path, TUTORIAL), "chat_message")
    assert str(refusal) == "AsyncWebsocketConsumer.send is not as in Channels 4.2 and 4.3"


def test_digests():
    """What is known of Channels is what is watched."""
    for cls, methods in upstream_consumers.KNOWN.items():
        for name, digest in methods.items():
            _, digests = PINS[f"{cls.__module__}:{cls.__qualname__}.{name}"]
            assert digest in digests.values()


def test_proving_never_raises():
    """Whatever class it is asked about."""

    class Odd(type):
        @property
        def __mro__(cls):
            raise RuntimeError("don't look")

    assert isinstance(prove(Odd("Late", (), {}), "chat"), Refusal)
    assert isinstance(prove(type("Late", (AsyncWebsocketConsumer,), {}), "\udc80"), Refusal)


# Sources


CHANGED = "its file was changed after it was imported"


def test_edited_file(tmp_path):
    """What stands in the file now is not what runs."""
    owner = write_room(tmp_path, TUTORIAL)
    path = tmp_path / f"{owner.__module__}.py"
    text = path.read_text()
    for old, new in [
        ('"message"]', '"massage"]'),
        ("import decimal", "import os\nimport decimal"),  # one line on
        ("async def chat", "def chat"),
        ('{"message": message}', '{"message": message, "b": 1}'),
        (text, ""),
    ]:
        path.write_text(text.replace(old, new))
        assert isinstance(prove(owner, "chat_message"), Refusal), old
    path.write_text(text)
    assert isinstance(prove(owner, "chat_message"), Proof)
    path.unlink()
    assert str(prove(owner, "chat_message")) == "its source can't be read"


@pytest.mark.parametrize(("one", "other"), [("1", "True"), ("1.0", "1"), ("0.0", "-0.0")])
def test_constants_that_are_equal(tmp_path, one, other):
    """Constants that compare equal but are sent in another way are told apart."""
    text = "async def chat(self, event): await self.send(str({}))"
    owner = write_room(tmp_path, text.format(one))
    path = tmp_path / f"{owner.__module__}.py"
    path.write_text(path.read_text().replace(text.format(one), text.format(other)))
    assert str(prove(owner, "chat")) == CHANGED


def test_function_made_by_exec(tmp_path):
    """A function without a file is not looked at, whatever file it says that it is from."""
    code = "async def chat(self, event): await self.send('text')"
    for filename in ("<string>", __file__):
        namespace = {}
        exec(compile(code, filename, "exec"), namespace)
        owner = type("Late", (AsyncWebsocketConsumer,), {"chat": namespace["chat"]})
        assert isinstance(prove(owner, "chat"), Refusal)


def test_function_that_has_run(tmp_path):
    """That the interpreter has adapted a function to what it does, or traces it, does no harm."""
    owner = write_room(tmp_path, TUTORIAL)
    for _ in range(100):
        run(owner, "chat_message", dict(EVENT))
    before = sys.gettrace()
    sys.settrace(lambda *args: None)
    try:
        run(owner, "chat_message", dict(EVENT))
        assert isinstance(prove(owner, "chat_message"), Proof)
    finally:
        sys.settrace(before)


@pytest.mark.skipif(sys.version_info < (3, 15), reason="lazy imports are new in Python 3.15")
def test_lazy_imports(tmp_path):
    """A module that is not imported yet is what it will be."""
    module = write_module(tmp_path, TUTORIAL)
    exec("lazy import json", vars(module))
    assert vars(module)["json"] is not json
    proof = prove(module.Room, "chat_message")
    assert proof.make(EVENT) == json.dumps({"message": EVENT["message"]})
    assert proof.still_holds(module.Room)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="sys.monitoring is new in Python 3.12")
def test_function_that_is_monitored(tmp_path):
    """Instructions that a monitoring tool has exchanged are taken for what they were."""
    owner = write_room(tmp_path, TUTORIAL)
    monitoring = sys.monitoring
    monitoring.use_tool_id(monitoring.PROFILER_ID, "test")
    try:
        code = owner.chat_message.__code__
        monitoring.set_local_events(monitoring.PROFILER_ID, code, monitoring.events.LINE)
        run(owner, "chat_message", dict(EVENT))
        assert isinstance(prove(owner, "chat_message"), Proof)
    finally:
        monitoring.free_tool_id(monitoring.PROFILER_ID)


def test_local_class():
    """A class within a function is a class like any other."""

    class Room(AsyncWebsocketConsumer):
        async def chat(self, event):
            """Say it."""
            await self.send(json.dumps(event["message"]))

    assert prove(Room, "chat").make(EVENT) == json.dumps(EVENT["message"])


@pytest.mark.parametrize("options", [["-OO"], ["-b"]])
def test_options_of_python(tmp_path, options):
    """Without docstrings it is the same; where str() of bytes is an error, nothing is proved."""
    owner = write_room(tmp_path, TUTORIAL.replace("message = ", '"""Doc."""; message = '))
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        f"from {owner.__module__} import Room\n"
        "from channels_bridge.runloop.handler_proof import prove\n"
        "proof = prove(Room, 'chat_message')\n"
        "print(proof.make({'message': 1}) if hasattr(proof, 'make') else proof)"
    )
    said = subprocess.check_output([sys.executable, *options, "-c", program], text=True)
    expected = '{"message": 1}' if options == ["-OO"] else "is not looked at in this Python"
    assert said.startswith(expected)
