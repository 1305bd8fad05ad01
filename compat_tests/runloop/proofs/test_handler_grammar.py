"""The grammar of shared handlers: what is accepted, and every construct that is a no."""

from __future__ import annotations

import sys
import warnings

import pytest

from channels_bridge.runloop.handler_proof import Proof, prove
from channels_bridge.runloop.refusals import Refusal
from compat_tests.runloop.proofs.written_handlers import MODULE, run, write_room

#: The line of a handler's definition, in its file.
DEF = MODULE.format(base="", handlers="<here>").split("\n").index("<here>") + 1

EVENT = {
    "type": "chat",
    "a": "text",
    "b": 2,
    "c": None,
    "d": {"e": [1, "x", 2.5], "f": False},
    "t": "a,b",
    "y": b"data",
}

ACCEPTED = [
    "'text'",
    "event['a']",
    "event['d']['e'][1]",
    "event['a'][1:-1]",
    "event['a'][::2]",
    "{'text': 'a'}[event['a']]",
    r"'\\ \n \x41 \u2026' + event['a']",
    "event.get('z', 'none')",
    "event.get('a')",
    "event['a'].upper().replace('E', 'i')",
    "', '.join(event['t'].split(','))",
    "'%s and %d' % (event['a'], event['b'])",
    "event['a'] + '!' * event['b']",
    "PREFIX + event['a']",
    'f\'{PREFIX}: {event["a"]!r:>10} {event["b"]:05d} {LIMIT}\'',
    "f'{event[\"b\"]:>10,.2f}'",
    "str(event)",
    "str(event['b'] // 2 - 1 % 3 / 4)",
    "str(CHOICES)",
    "str(-event['b'])",
    "str(dict(event, a=1))",
    "str([len(event['a']), int('3'), round(2.567, 1), sorted(event['d']['e'][:1]), max(1, 2)])",
    "json.dumps(event['d'])",
    "json.dumps({'a': event['a'], 'e': event['d']['e'], 'n': None, 't': True})",
    "json.dumps({**event['d'], 'more': [*event['d']['e'], 1]})",
    "json.dumps(event['d'] | {'f': 1})",
    "json.dumps((1, event['a']))",
    "json.dumps([event['b'] > 1 and event['c'] is None, not event['c'], 1 < event['b'] <= 2])",
    "json.dumps('x' in event['d']['e'] or event['a'] not in event)",
    "json.dumps(event['a'] if event['b'] == 2 else event['missing'])",
    "json.dumps(event['d'], separators=(',', ':'), ensure_ascii=False, sort_keys=True, indent=2)",
    "json.dumps(event['d'], default=str)",
    "other_json.dumps(event['d'])",
    "dumps(event['d'])",
    "event['y'].decode()",
]


@pytest.mark.parametrize("expression", ACCEPTED)
def test_accepted(tmp_path, expression):
    """What is accepted is sent as each consumer would send it."""
    owner = write_room(tmp_path, f"async def chat(self, event): await self.send({expression})")
    proof = prove(owner, "chat")
    assert isinstance(proof, Proof), proof
    assert run(owner, "chat", EVENT) == [{"type": "websocket.send", "text": proof.make(EVENT)}]


SHAPES = [
    "await self.send(text_data=event['a'])",
    "return await self.send(event['a'])",
    "'''What it does.'''\n    await self.send(event['a'])",
    "text = event['a']\n    await self.send(text)",
    "text: str = event['a']\n    more: dict[str, 'x'] = text * 2\n    await self.send(more)",
    "event_text = event['a']; other = [event_text]\n    await self.send(event_text + other[0])",
    "await self.send(  # with a comment\n        json.dumps(\n            event['d'],\n    ))",
]


@pytest.mark.parametrize("body", SHAPES)
def test_accepted_shape(tmp_path, body):
    """A docstring and assignments may be before the one send."""
    owner = write_room(tmp_path, f"async def chat(self, event):\n    {body}\n")
    proof = prove(owner, "chat")
    assert isinstance(proof, Proof), proof
    assert run(owner, "chat", EVENT) == [{"type": "websocket.send", "text": proof.make(EVENT)}]


@pytest.mark.parametrize(
    "definition",
    [
        "async def chat(this, message: dict) -> None: await this.send(message['a'])",
        "async def chat(self, json): await self.send(json['a'])",
        "async def chat(self, event: 'not', ) -> 'there': await self.send(event['a'])",
    ],
)
def test_accepted_definition(tmp_path, definition):
    """Arguments may have any name."""
    owner = write_room(tmp_path, definition)
    proof = prove(owner, "chat")
    assert isinstance(proof, Proof), proof
    assert proof.make(EVENT) == "text"


#: An expression that is sent, and why it is a no.
EXPRESSIONS = {
    # What a consumer has.
    "self.user": "reads self.user",
    "event['a'] + self.user": "reads self.user",
    "self.user.name": "reads self.user",
    "self.scope['user']": "reads self.scope",
    "str(self)": "uses self",
    "self": "uses self",
    "self.format(event)": "calls self.format()",
    "self.user.get('a')": "reads self.user",
    "self.user[0]": "reads self.user",
    "json.dumps({'user': self.user})": "reads self.user",
    "f'{self.user}'": "reads self.user",
    "f'{event[\"a\"]:{self.user}}'": "has a format that is not certain",
    "await self.read(event)": "has an await",
    "type(self).__name__": "reads type(self).__name__",
    "super().text(event)": "calls super().text()",
    "__class__": "uses __class__",
    # What changes the event.
    "event.pop('a')": "calls event.pop()",
    "event.setdefault('a', 1)": "calls event.setdefault()",
    "event['d'].update(a=1)": "calls event['d'].update()",
    "event['d']['e'].append(1)": "calls event['d']['e'].append()",
    "event['d']['e'].sort()": "calls event['d']['e'].sort()",
    "event.clear()": "calls event.clear()",
    "(event := 1)": "has an assignment",
    "[event['a'] for event in event['d']]": "has a comprehension",
    "[x for x in event['d']]": "has a comprehension",
    "{x for x in event['d']}": "has a comprehension",
    "{x: 1 for x in event['d']}": "has a comprehension",
    "','.join(x for x in event['d'])": "has a comprehension",
    # What depends on something else.
    "time.time()": "calls time.time()",
    "random.random()": "calls random.random()",
    "str(time.time())": "calls time.time()",
    "id(event)": "calls id()",
    "hash(event['a'])": "calls hash()",
    "vars()": "calls vars()",
    "locals()": "calls locals()",
    "globals()": "uses globals, which its file may bind anew",
    "eval('self.user')": "calls eval()",
    "input()": "calls input()",
    "print(event)": "calls print()",
    "open(event['a'])": "calls open()",
    "iter(event)": "calls iter()",
    "next(event)": "calls next()",
    "getattr(event, 'a')": "calls getattr()",
    "map(str, event)": "calls map()",
    "object()": "calls object()",
    "set(event)": "calls set()",
    "bytes(event['b'])": "calls bytes()",
    "type(event)": "calls type()",
    "helper(event['a'])": "calls helper()",
    "decorator": "uses decorator, which can change: function",
    "decimal.Decimal(1)": "calls decimal.Decimal()",
    "str(TABLE)": "uses TABLE, which can change: dict",
    "str(REBOUND)": "uses REBOUND, which its file may bind anew",
    "text(event)": "uses text, which its file may bind anew",
    "time": "uses time, a module",
    "str": "uses str, which can change: type",
    "Room": "uses Room, which can change: type",
    "NotImplemented": "uses NotImplemented",
    "missing": "uses missing, which is not there",
    "missing()": "uses missing, which is not there",
    "__name__": "uses __name__",
    "__debug__": "uses __debug__",
    "self.__user": "reads self.__user",
    "event['b'].real": "reads event['b'].real",
    "event.__class__": "reads event.__class__",
    "json.decoder": "reads json.decoder",
    "json": "uses json, a module",
    # Text that reads attributes, or the locale, or a codec.
    "'{0.__class__}'.format(event)": "calls '{0.__class__}'.format()",
    "'{a}'.format_map(event)": "calls '{a}'.format_map()",
    "format(event['b'], 'n')": "calls format()",
    "f'{event[\"b\"]:n}'": "has a format that is not certain",
    'f\'{event["b"]:{event["b"]}}\'': "has a format that is not certain",
    "f'{event[\"a\"]:%Y}'": "has a format that is not certain",
    "event['a'].encode('mine')": "calls event['a'].encode() with an argument",
    "event['y'].decode('mine')": "calls event['y'].decode() with an argument",
    "str(event['y'], encoding='mine')": "calls str() with names",
    # Calls in other ways.
    "sorted(event, key=helper)": "calls sorted() with names",
    "max(event, key=helper)": "calls max() with names",
    "str(*event['d'])": "has a starred argument",
    "dict(**event)": "calls dict() with names",
    "event.get(*event['d'])": "has a starred argument",
    "event['a'].split(sep=',')": "calls event['a'].split() with names",
    "event['a'].get(**event)": "calls event['a'].get() with names",
    "event['d']()": "calls event['d']()",
    "(lambda: 1)()": "calls lambda",
    "json.dumps(event, cls=helper)": "calls json.dumps() with cls",
    "json.dumps(event, default=helper)": "calls json.dumps(default=helper)",
    "json.dumps(event, default=lambda x: 1)": "calls json.dumps() with default",
    "json.dumps(event, default=event)": "calls json.dumps() with default",
    "json.dumps(event, indent=event['b'])": "calls json.dumps() with indent",
    "json.dumps(event, separators=event['t'])": "calls json.dumps() with separators",
    "json.dumps(event, sort_keys=event['b'])": "calls json.dumps() with sort_keys",
    "json.dumps(event, **event)": "calls json.dumps() with **",
    "json.dumps(*event)": "has a starred argument",
    "json.dumps(obj=event)": "calls json.dumps() with other arguments than one",
    "json.dumps()": "calls json.dumps() with other arguments than one",
    "json.dumps(event, None)": "calls json.dumps() with other arguments than one",
    "json.loads(event['a'])": "calls json.loads()",
    "json.JSONEncoder().encode(event)": "calls json.JSONEncoder()",
    "time.dumps(event)": "calls time.dumps()",
    "event.dumps(event)": "calls event.dumps()",
    # Syntax.
    "lambda: event['a']": "has the syntax Lambda",
    "{1, 2}": "has a set",
    "event['b'] ** 2": "has the syntax BinOp",
    "event['b'] << 2": "has the syntax BinOp",
    "event['b'] @ 2": "has the syntax BinOp",
    "~event['b']": "has the syntax UnaryOp",
    "event['a'] is event['b']": "compares by identity",
    "event['a'] is 'text'": "compares by identity",
    "event['a'] is not LIMIT": "compares by identity",
    "'text' is None": "compares by identity",
    "1 is True": "compares by identity",
    "event['b'] < 1 is True": "compares by identity",
    "'text'['a']": "has the syntax Subscript",
    "[1, 2][event['b']]": "has the syntax Subscript",
    "'\\d'": "has a backslash of which Python warns",
    "r'\\d'": "has a backslash of which Python warns",
    "1j": "has the literal 1j",
    "...": "has the literal Ellipsis",
    "(yield)": "has a yield",
}


@pytest.mark.filterwarnings("ignore::SyntaxWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize(("expression", "why"), EXPRESSIONS.items(), ids=EXPRESSIONS.keys())
def test_refused_expression(tmp_path, expression, why):
    """Whatever isn't certain to be the same for all is a no, with the line and the reason."""
    owner = write_room(tmp_path, f"async def chat(self, event):\n    await self.send({expression})")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Python has warned once, when the file was imported
        refusal = prove(owner, "chat")
    assert isinstance(refusal, Refusal), expression
    # Some make another thing of the whole function: that is seen before what they are.
    whole = (f"line {DEF} shares", f"line {DEF} mixes async and synchronous code")
    assert str(refusal).startswith((f"line {DEF + 1} {why}", *whole))


#: The body of a handler, and why it is a no; its lines begin with the one after ``def``.
BODIES = {
    "pass": (1, "has the syntax Pass where it should send"),
    "'''Nothing.'''": (0, "sends nothing"),
    "self.send('a')": (1, "has self.send() where it should send"),
    "return self.send('a')": (1, "has the syntax Return where it should send"),
    "await other.send('a')": (1, "has other.send() where it should send"),
    "await self.user.send('a')": (1, "has self.user.send() where it should send"),
    "await self.send": (1, "has an attribute that is read where it should send"),
    "await self.close()": (1, "has self.close() where it should send"),
    "await self.base_send({'type': 'websocket.send', 'text': 'a'})": (1, "has self.base_send()"),
    "await self.send_json('a')": (1, "calls send_json(), which its class doesn't have"),
    "await super().send('a')": (0, "shares __class__ with another function"),
    "await self.send('a', close=True)": (1, "sends with other arguments"),
    "await self.send(close=True)": (1, "sends with other arguments"),
    "await self.send('a', b'b')": (1, "sends with other arguments"),
    "await self.send(text_data='a', bytes_data=b'b')": (1, "sends with other arguments"),
    "await self.send()": (1, "sends with other arguments"),
    "await self.send(*event)": (1, "has a starred argument"),
    "await self.send(**event)": (1, "sends with other arguments"),
    "await self.send(text_data=await self.text())": (1, "has an await"),
    "x = await self.send('a')": (1, "has an assignment where it should send"),
    "await self.send('a')\nawait self.send('b')": (1, "has self.send() before the send"),
    "await self.send('a'); return 1": (1, "has self.send() before the send"),
    "print(event)\nawait self.send('a')": (1, "has print() before the send"),
    "logger.info('a')\nawait self.send('a')": (1, "has logger.info() before the send"),
    "'doc'\n'text'\nawait self.send('a')": (2, "has a statement before the send"),
    "f'{print(1)}'\nawait self.send('a')": (1, "has a statement before the send"),
    "if event['a']:\n    await self.send('a')": (1, "has an if statement where it should send"),
    "if event['a']:\n    return\nawait self.send('a')": (1, "has an if statement before the send"),
    "for a in event:\n    await self.send(a)": (1, "has a loop where it should send"),
    "while True:\n    await self.send('a')": (1, "has a loop where it should send"),
    "try:\n    await self.send('a')\nfinally:\n    pass": (1, "has a try statement"),
    "async with self.lock:\n    await self.send('a')": (1, "has a with statement"),
    "with self.lock:\n    await self.send('a')": (1, "has a with statement"),
    "match event:\n    case _:\n        await self.send('a')": (1, "has the syntax Match"),
    "assert event['a']\nawait self.send('a')": (1, "has the syntax Assert before the send"),
    "import json\nawait self.send('a')": (1, "has the syntax Import before the send"),
    "global LIMIT\nawait self.send('a')": (1, "has the syntax Global before the send"),
    "del event['a']\nawait self.send('a')": (1, "has the syntax Delete before the send"),
    "raise ValueError": (1, "has the syntax Raise where it should send"),
    "def text(): return event\nawait self.send('a')": (0, "shares event with another function"),
    "def text(): return 1\nawait self.send('a')": (1, "has the syntax FunctionDef before the send"),
    "class A: pass\nawait self.send('a')": (1, "has the syntax ClassDef before the send"),
    "text = self.user\nawait self.send(text)": (1, "reads self.user"),
    "self.text = event['a']\nawait self.send('a')": (1, "has an assignment before the send"),
    "event['a'] = 1\nawait self.send('a')": (1, "has an assignment before the send"),
    "a, b = event\nawait self.send('a')": (1, "has an assignment before the send"),
    "a = b = event\nawait self.send('a')": (1, "has an assignment before the send"),
    "a = 1\na += 1\nawait self.send('a')": (2, "has an assignment before the send"),
    "a: int\nawait self.send('a')": (1, "has the syntax AnnAssign before the send"),
    "(a): int = 1\nawait self.send('a')": (1, "has the syntax AnnAssign before the send"),
    "a = 1\na = 2\nawait self.send(str(a))": (2, "gives a another value"),
    "event = event['a']\nawait self.send(event)": (1, "gives event another value"),
    "self = event\nawait self.send('a')": (1, "gives self another value"),
    "__a = event\nawait self.send('a')": (1, "gives __a another value"),
    "a = b\nb = event\nawait self.send(a)": (1, "uses b, which has no value there"),
    "a = a\nawait self.send(a)": (1, "uses a, which has no value there"),
    "json = event\nawait self.send(json.dumps(1))": (2, "calls json.dumps()"),
    "str = event\nawait self.send(str(1))": (2, "calls str()"),
    "text = str(1)\nstr = 1\nawait self.send(text)": (1, "calls str()"),
    "a = [b := 1]\nawait self.send(str(a))": (1, "has an assignment"),
    "a = 1 if self.user else 2\nawait self.send(str(a))": (1, "reads self.user"),
    "a = (await self.text())\nawait self.send(a)": (1, "has an await"),
}


@pytest.mark.parametrize(("body", "told"), BODIES.items(), ids=BODIES.keys())
def test_refused_body(tmp_path, body, told):
    """One send at the end, and nothing but assignments before it."""
    lines = "".join(f"    {line}\n" for line in body.split("\n"))
    owner = write_room(tmp_path, f"async def chat(self, event):\n{lines}")
    line, why = told
    refusal = prove(owner, "chat")
    assert isinstance(refusal, Refusal), body
    assert str(refusal).startswith(f"line {DEF + line} {why}")


SEND = "await self.send('a')"
DEFINITIONS = {
    f"@decorator\nasync def chat(self, event): {SEND}": "has a decorator",
    f"@returned\nasync def chat(self, event): {SEND}": "mixes async and synchronous code",
    f"@functools.lru_cache\nasync def chat(self, event): {SEND}": "is a _lru_cache_wrapper",
    f"@classmethod\nasync def chat(self, event): {SEND}": "is a classmethod",
    f"@staticmethod\nasync def chat(self, event): {SEND}": "is a staticmethod",
    f"@property\nasync def chat(self, event): {SEND}": "is a property",
    f"async def chat(self, event={{}}): {SEND}": "takes other arguments",
    f"async def chat(self, event, more=1): {SEND}": "takes other arguments",
    f"async def chat(self, event, *, more=1): {SEND}": "takes other arguments",
    f"async def chat(self, event, *args): {SEND}": "takes other arguments",
    f"async def chat(self, event, **kwargs): {SEND}": "takes other arguments",
    f"async def chat(self, event, /): {SEND}": "takes other arguments",
    f"async def chat(self): {SEND}": "takes other arguments",
    f"async def chat(self, __event): {SEND}": "is no plain method",
    "def chat(self, event): self.send('a')": "mixes async and synchronous code",
    "def chat(self, event): return self.send('a')": "mixes async and synchronous code",
    f"async def chat(self, event): yield; {SEND}": "mixes async and synchronous code",
    "chat = lambda self, event: self.send('a')": "mixes async and synchronous code",
    "chat = functools.partial(print)": "is a partial",
    "chat = None": "is a NoneType",
}


@pytest.mark.parametrize(("definition", "why"), DEFINITIONS.items(), ids=DEFINITIONS.keys())
def test_refused_definition(tmp_path, definition, why):
    """A plain method of a consumer and its event, and nothing around it."""
    refusal = prove(write_room(tmp_path, definition), "chat")
    assert isinstance(refusal, Refusal), definition
    assert refusal.why.startswith(why) or why in str(refusal)


SYNC = {
    "async def chat(self, event): await self.send('a')": "mixes async and synchronous code",
    "def chat(self, event): yield self.send('a')": "has a yield where it should send",
    "chat = lambda self, event: self.send('a')": "",
    "def chat(self, event): self.send_json('a')": "calls send_json(), which its class",
}
if sys.version_info < (3, 14):  # where it can be written
    SYNC["def chat(self, event):\n    x: (yield) = 'a'\n    self.send(x)"] = "has a yield"


@pytest.mark.parametrize(("definition", "why"), SYNC.items(), ids=SYNC.keys())
def test_refused_synchronous_definition(tmp_path, definition, why):
    """Of a synchronous consumer, plain methods that aren't async."""
    refusal = prove(write_room(tmp_path, definition, "WebsocketConsumer"), "chat")
    assert isinstance(refusal, Refusal), definition
    assert why in str(refusal)


def test_enclosing_function():
    """What belongs to the function around a class is not looked at."""
    from channels.generic.websocket import AsyncWebsocketConsumer

    outside = "text"

    class Room(AsyncWebsocketConsumer):
        async def chat(self, event):
            await self.send(outside)

    refusal = prove(Room, "chat")
    assert refusal.why == "shares outside with another function"
