"""The proof that a group handler sends the same to every member, whatever its consumer is.

Many handlers are one line, ``await self.send(text_data=json.dumps({... event["..."] ...}))``: they
don't look at their consumer. ``prove`` finds that out from a handler's syntax tree
(``handler_grammar``), which is known to be that of the code that runs (``function_source``), for
classes whose ``send`` is Channels' (``upstream_consumers``). Then the content can be made once, by
the handler's own expressions compiled as a function of the event, instead of once per member.

A proof is of the moment. What it rests on is kept as *witnesses*: the handler, its code, Channels'
methods, ``json.dumps``, constants of the module. ``still_holds`` looks whether each is the same
object as then; so a mock, a patch or an instrumentation is noticed as soon as it is there. Of the
members, each consumer's own attributes are for the caller to look at: see ``Proof.shadows``.

What it does not cover:

- Names that are bound anew between a message's arrival and the run of the handlers it is for. A
  content is of the moment in which the message comes, and not to be kept. Names that the handler's
  file binds anew by ``global`` are refused. What is left is another module that binds a name in the
  handler's one, in the very step in which it has sent to the group.
- Python's own types and C functions, patched by way of their memory.
- Exhaustion: a handler deep in a stack may reach the recursion limit where this does not.
- Tracers and profilers, which would see the handler run: that is for the caller to ask.
"""

from __future__ import annotations

import ast
import inspect
import json
import sys
from collections.abc import Callable
from types import CodeType, FunctionType
from typing import Any, cast

from channels.consumer import SyncConsumer

from channels_bridge.runloop.function_source import read_source
from channels_bridge.runloop.handler_grammar import Kind, Sent, read_handler
from channels_bridge.runloop.pure_functions import is_plain
from channels_bridge.runloop.refusals import Refusal, Refused
from channels_bridge.runloop.upstream_consumers import require_upstream
from channels_bridge.runloop.witnesses import ABSENT, Witnesses

_TEMPLATE = "def make(event): return None"


class Proof:
    """What was proved of one handler of one class, and what makes the content of its send.

    Args:
        owner: the class.
        name: of the handler.
        kind: as what it sends.
        content: makes what it passes to its send, of the event.
        witnesses: what the proof rests on.
    """

    __slots__ = ("_content", "_kind", "_owner", "_witnesses", "shadows")

    def __init__(
        self,
        owner: type,
        name: str,
        kind: Kind,
        content: Callable[[Any], Any],
        witnesses: Witnesses,
    ) -> None:
        self._owner = owner
        self._kind = kind
        self._content = content
        self._witnesses = witnesses
        #: What a consumer has no attribute of its own named like, if the proof is to hold for it.
        #: Besides, its ``base_send`` is that of the run loop.
        self.shadows = (name, "send_json", "encode_json") if kind == "json" else (name, "send")

    def make(self, event: dict[str, Any]) -> str | bytes:
        """Return what each member's handler sends for an event. Neither kept nor changed is that.

        Raises:
            Exception: whatever the handler raises, or an error of ours where it is not certain what
                members are sent: each of them is to run its own handler.
        """
        event = dict(event)
        if not is_plain(event):
            raise TypeError("the event holds more than plain data")
        content = self._content(event)
        if self._kind == "json":
            content = json.dumps(content)
        if type(content) is not (bytes if self._kind == "bytes_data" else str):
            raise TypeError(f"{type(content).__name__} can't be sent as it is")
        return content

    def still_holds(self, owner: type) -> bool:
        """Whether nothing that the proof rests on has changed in the class, or beyond it."""
        return owner is self._owner and self._witnesses.still_hold()


def prove(owner: type, name: str) -> Proof | Refusal:
    """Prove that a handler sends the same to every member, or say why that isn't certain.

    Args:
        owner: a consumer's class.
        name: of one of its methods.
    """
    try:
        return _prove(owner, name)
    except Refused as refused:
        return refused.refusal
    except Exception as error:  # an odd class may do what it likes: it is not shared then
        return Refusal(None, f"can't be read: {type(error).__name__}: {error}")


def _prove(owner: type, name: str) -> Proof:
    # Elsewhere code objects have other attributes; and with -b, str() of bytes is a warning.
    if sys.implementation.name != "cpython" or sys.flags.bytes_warning:
        raise Refused(None, "is not looked at in this Python, or with its option -b")
    witnesses = Witnesses()
    chain = require_upstream(owner, witnesses)
    function = _find(owner, name, chain, witnesses)
    is_async = bool(function.__code__.co_flags & inspect.CO_COROUTINE)
    if is_async is (SyncConsumer in chain):
        raise Refused(function.__code__.co_firstlineno, "mixes async and synchronous code")
    witnesses.look_at_function(function)
    source = read_source(function)
    sent = read_handler(source, witnesses)
    source.require_same()
    if sent.kind == "json" and "send_json" not in vars(chain[0]):
        raise Refused(sent.content.lineno, "calls send_json(), which its class doesn't have")
    return Proof(owner, name, sent.kind, _compile(function, sent), witnesses)


def _find(owner: type, name: str, chain: tuple[type, ...], witnesses: Witnesses) -> FunctionType:
    """Return the handler; where it is found, and where it is not, is noted."""
    if hasattr(chain[0], name):
        raise Refused(None, f"{name} is a name of Channels' own")
    for cls in owner.__mro__:
        entry = witnesses.look(vars(cls), name)
        if entry is ABSENT:
            continue
        if type(entry) is not FunctionType:
            raise Refused(None, f"is a {type(entry).__name__}, not a plain method")
        return entry
    raise Refused(None, "is not there")


def _compile(function: FunctionType, sent: Sent) -> Callable[[Any], Any]:
    """Make a function of the event alone, out of the very expressions of a handler."""
    tree = ast.parse(_TEMPLATE)
    definition: Any = tree.body[0]
    definition.args.args[0].arg = function.__code__.co_varnames[1]
    returned = ast.copy_location(ast.Return(sent.content), sent.content)
    definition.body = [*sent.before, returned]
    module = compile(tree, function.__code__.co_filename, "exec", dont_inherit=True)
    (code,) = (constant for constant in module.co_consts if isinstance(constant, CodeType))
    made: Any = FunctionType(code, function.__globals__)
    if made.__builtins__ is not cast(Any, function).__builtins__:
        raise Refused(None, "runs with builtins of its own")
    return cast("Callable[[Any], Any]", made)
