"""Handlers that are made up: whatever is proved makes what the handler itself sends."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from channels_bridge.runloop.handler_proof import Proof, prove
from compat_tests.runloop.proofs.written_handlers import run, write_room

KEYS = ["a", "b", "c", "d"]

plain: Any = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-1000, 1000)
    | st.floats()
    | st.text(max_size=5)
    | st.binary(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KEYS) | st.integers(0, 3), inner, max_size=3)
    ),
    max_leaves=5,
)
some = st.dictionaries(st.sampled_from(KEYS), plain)
everything = st.fixed_dictionaries(dict.fromkeys(KEYS, plain))
events = (everything | some).map(lambda event: {"type": "chat", **event})

literals = st.one_of(
    st.none(), st.booleans(), st.integers(-9, 9), st.floats(-9, 9), st.sampled_from(["a", "é", ""])
).map(repr)
names = st.sampled_from(
    [
        "event['a']",
        "event['b']",
        "event.get('c')",
        "event.get('d', 0)",
        "(event['a'] is None)",
        "first",
        "PREFIX",
        "LIMIT",
    ]
)
leaves = names | literals

#: How expressions are made of others; ``{0}`` and ``{1}`` are expressions.
FORMS = [
    "({0} + {1})",
    "({0} - {1})",
    "({0} % {1})",
    "({0} // {1})",
    "({0} | {1})",
    "({0} or {1})",
    "({0} and not {1})",
    "({0} == {1})",
    "({0} < {1} < 3)",
    "({0} in {1})",
    "({0} if {1} else 'other')",
    "{{'a': {0}, 'b': {1}}}",
    "{{**event, 'a': {0}, {1}: 1}}",
    "[{0}, {1}]",
    "({0}, {1})",
    "[*{0}, {1}]",
    "dict(x={0})[{1}]",
    "str({0})[:{1}]",
    "({0}).get({1})",
    "({0}).upper()",
    "({0}).split({1})",
    "', '.join({0})",
    "str({0})",
    "len({0})",
    "int({0})",
    "round({0}, {1})",
    "sorted({0})",
    "dict({0}, a={1})",
    "json.dumps({0})",
    "json.dumps({0}, ensure_ascii=False, sort_keys=True)",
    "json.dumps({0}, default=str, separators=(',', ':'))",
    "('%s %r' % ({0}, {1}))",
]
#: Those that depend on more than the event, or change it, and look harmless.
NEAR_MISSES = [
    "({0} + self.user)",
    "[x for x in {0}]",
    "({0}).pop({1})",
    "({0}).setdefault({1}, 2)",
    "(lambda: {0})()",
    "(other := {0})",
    "str(time.time())",
    "helper({0})",
    "TABLE[{0}]",
    "{{{0}, {1}}}",
    "'{{0}}'.format({0})",
    "({0} is event)",
    "json.dumps({0}, default=helper)",
    "id({0})",
]


def filled(forms: list[str], parts: Any) -> Any:
    return st.builds(lambda form, *two: form.format(*two), st.sampled_from(forms), parts, parts)


formatted = st.builds(
    lambda name, spec: f'f"{{{name}{spec}}}"', names, st.sampled_from(["", "!r", ":>5", ":d", ":x"])
)
certain = st.recursive(leaves | formatted, lambda inner: filled(FORMS, inner), max_leaves=6)
uncertain = filled(NEAR_MISSES, certain) | filled(FORMS, filled(NEAR_MISSES, leaves))

bases = st.sampled_from(
    [
        ("AsyncWebsocketConsumer", "async def chat(self, event):", "await self.send({})"),
        ("AsyncWebsocketConsumer", "async def chat(self, event):", "await self.send(str({}))"),
        (
            "AsyncWebsocketConsumer",
            "async def chat(self, event):",
            "await self.send(bytes_data={})",
        ),
        ("AsyncJsonWebsocketConsumer", "async def chat(self, event):", "await self.send_json({})"),
        ("WebsocketConsumer", "def chat(self, event):", "self.send(text_data=json.dumps({}))"),
        ("JsonWebsocketConsumer", "def chat(self, event):", "return self.send_json(content={})"),
    ]
)
quick = settings(
    deadline=None, max_examples=60, suppress_health_check=list(HealthCheck), derandomize=True
)
pytestmark = pytest.mark.filterwarnings("ignore::SyntaxWarning")


def write(directory: Any, base: Any, first: str, content: str) -> type:
    name, definition, send = base
    body = f"{definition}\n    first = {first}\n    {send.format(content)}\n"
    return write_room(directory, body, name)


@quick
@given(
    base=bases, first=leaves.filter(lambda leaf: leaf != "first"), content=certain, data=st.data()
)
def test_same_bytes(tmp_path, base, first, content, data):
    """For any event it is the same, byte for byte, or the members' own to find out."""
    owner = write(tmp_path, base, first, content)
    proof = prove(owner, "chat")
    assert isinstance(proof, Proof), proof
    for _ in range(3):
        event = data.draw(events)
        before = repr(event)
        try:
            content = proof.make(event)
        except Exception:
            assert not sends_anything(owner, event)
        else:
            key = "text" if isinstance(content, str) else "bytes"
            assert run(owner, "chat", event) == [{"type": "websocket.send", key: content}]
        assert repr(event) == before


def sends_anything(owner: type, event: Any) -> bool:
    """Whether a handler sends what the server takes: a text, or bytes."""
    try:
        (message,) = run(owner, "chat", event)
    except Exception:
        return False
    text, data = message.get("text"), message.get("bytes")
    return isinstance(text, str) or isinstance(data, bytes)


@quick
@given(base=bases, first=leaves.filter(lambda leaf: leaf != "first"), content=uncertain)
def test_near_misses(tmp_path, base, first, content):
    """One part that isn't certain is enough for a no, wherever it is."""
    assert not isinstance(prove(write(tmp_path, base, first, content), "chat"), Proof)
