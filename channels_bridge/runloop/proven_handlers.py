"""Proven handlers: group handlers that are known to be the same for every member.

Many group handlers do nothing but send what they make of the message. Where that can be proved
(``handler_proof``), such a handler makes it once per process and message, as one does that is
marked with ``shared_frame``, and the members' consumers are not woken up.

A member's own handler runs nevertheless, as ever, where anything could tell the difference: a
middleware takes part in ``send()``, the consumer is busy or not accepted yet, it has an attribute
of its own in the place of its class's, something that the proof rests on has been patched, the
handler fails, or a debugger, a profiler or coverage looks on.

Spec deviation: a member that waits is sent its message before ``group_send()`` returns, and so
before what a task beside its handlers sends next. Before a handler stale database connections are
closed: here one member's handler runs all the same, once a second, where a connection may be open.
"""

from __future__ import annotations

import sys
import threading
from typing import Any

from channels.consumer import AsyncConsumer

from channels_bridge.groups.message import handler_name
from channels_bridge.groups.shared_frames import (
    Event,
    Make,
    Names,
    Share,
    SharedFrame,
    has_shared,
    make_marked,
    sendable,
)
from channels_bridge.runloop.db_housekeeping import housekeeping
from channels_bridge.runloop.group_handlers import group_handlers, may_send
from channels_bridge.runloop.handler_proof import Proof, prove
from channels_bridge.runloop.refusals import Refusal
from channels_bridge.runloop.sync_dispatch import has_channels_dispatch

#: Classes that are looked at. Who makes one for each connection gains nothing from proofs.
MAX_CLASSES = 500

_monitoring: Any = getattr(sys, "monitoring", None)  # from Python 3.12 on

_dispatch = AsyncConsumer.dispatch


class Handlers:
    """The group handlers of one class of consumers, and what is known of them.

    A proof reads the handler's source, which takes milliseconds: each is made when it is asked for
    first, by the first message that calls the handler.

    Attributes:
        owner: the class.
        arguments: the names of the handlers, and of their arguments.
        called: the names of those that a group message has called.
        middleware: what takes part in ``send()`` for the consumer that began last; None: nothing.
    """

    def __init__(self, owner: type) -> None:
        self.owner = owner
        self.arguments = group_handlers(owner)
        self.called: set[str] = set()
        self.middleware: str | None = None
        self._verdicts: dict[str, Proof | Refusal] = {}
        self._proofs: dict[str, tuple[Proof, Names]] = {}  # those that have succeeded
        self._open = {name for name in self.arguments if may_send(owner, name)}

    @property
    def may_share(self) -> bool:
        """Whether a handler is proved, or may turn out to be."""
        return bool(self._open)

    def verdict(self, name: str) -> Proof | Refusal:
        """Return the proof that a handler is the same for every member, or why there is none."""
        verdict = self._verdicts.get(name)
        if verdict is None:
            verdict = self._verdicts[name] = _try_to_prove(self.owner, name)
            if isinstance(verdict, Refusal):
                self._open.discard(name)
            else:
                self._proofs[name] = verdict, _three(verdict.shadows)
        return verdict

    def proof_of(self, name: str) -> tuple[Proof, Names] | None:
        """Return the proof of the handler that a message calls; None where there is none.

        With it come the names of a ``Share``.
        """
        if name not in self.arguments:
            return None
        self.called.add(name)
        if name not in self._verdicts:
            self.verdict(name)
        return self._proofs.get(name)

    def is_proved(self, name: str) -> bool:
        """Whether a handler is known to be the same for every member, so far."""
        return name in self._proofs


#: Whether handlers are shared that nobody has marked: ``WEBSOCKET_SHARED_HANDLERS``.
is_on = True

known: dict[type, Handlers] = {}


def make_for(owner: type, middleware: Any) -> Make | None:
    """Return what makes the shares of a class; None where it has nothing to share.

    Args:
        owner: the class of a consumer that begins.
        middleware: whose ``send`` stands before the connection's, if there is one: then nothing is
            shared.
    """
    handlers = known.get(owner)
    if handlers is None and len(known) < MAX_CLASSES:
        handlers = known[owner] = Handlers(owner)
    if handlers is not None:
        handlers.middleware = None if middleware is None else _name_of(middleware)
    if middleware is not None:
        return None
    if is_on and handlers is not None and _is_dispatched(owner) and handlers.may_share:
        return make_share
    return make_marked if has_shared(owner) else None


def make_share(owner: type, event: Event) -> Share | None:
    """Return what the handler of a message makes of it for all members of a class.

    Returns:
        None where it is neither proved nor marked, or fails: then each consumer's own runs.
    """
    try:
        found = known[owner].proof_of(handler_name(event.get("type")))
        if found is None:
            return make_marked(owner, event)
        proof, names = found
        if is_watched() or not proof.still_holds(owner):
            return None
        content = sendable(proof.make(event))  # type: ignore[arg-type]
        return Share(content, names, wakes_first=housekeeping.is_due_anywhere())
    except Exception:
        return None


def runs_once(make: Make, owner: type, event: Event) -> bool:
    """Whether a message's handler runs once for all members, as far as is known before it does.

    Args:
        make: what ``make_for()`` has returned for ``owner``.
    """
    try:
        name = handler_name(event.get("type"))
        if make is make_share and known[owner].proof_of(name) is not None:
            return True
        return isinstance(getattr(owner, name, None), SharedFrame)
    except Exception:
        return False


def is_watched() -> bool:
    """Whether a debugger, a profiler or coverage looks at the code that runs."""
    return (
        sys.gettrace() is not None
        or sys.getprofile() is not None
        or threading.gettrace() is not None
        or threading.getprofile() is not None
        or (_monitoring is not None and any(map(_monitoring.get_tool, range(6))))
    )


def _name_of(send: Any) -> str:
    """Name a middleware's ``send``, for those who wonder."""
    function = getattr(send, "func", send)  # of a partial
    return f"{getattr(function, '__module__', '?')}.{getattr(function, '__qualname__', '?')}"


def _is_dispatched(owner: Any) -> bool:
    """Whether messages for consumers of a class are dispatched as Channels does it."""
    return owner.dispatch is _dispatch or has_channels_dispatch(owner)


def _try_to_prove(owner: type, name: str) -> Proof | Refusal:
    try:
        verdict = prove(owner, name)
        if isinstance(verdict, Proof):
            _three(verdict.shadows)
        return verdict
    except Exception as error:  # a class that can't be looked at must work all the same
        return Refusal(None, f"it can't be looked at: {error!r}")


def _three(names: tuple[str, ...]) -> Names:
    """Return names as a ``Share`` has them."""
    one, two, three = (*names, *names[:1] * 2)[: max(3, len(names))]
    return one, two, three
