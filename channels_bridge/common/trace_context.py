"""Trace context: what a trace needs to go on where a message is handled.

Where CONFIG asks for it (``trace_context``), a layer has a tracer, which makes headers for each
message that is sent and is given them where the message is handled. They travel beside the message,
in the same bytes: handlers don't see them, and releases that know nothing of them read the message
as ever. The room ``tracing`` does that, and has tracers for OpenTelemetry and Sentry.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

#: Gives a layer its tracer. Imported only where CONFIG asks for one.
TRACE = "channels_bridge.tracing.traced_layer.trace"


@dataclass(frozen=True, slots=True)
class Sending:
    """A call of a layer that sends one message.

    Attributes:
        method: ``group_send``, ``group_send_many``, ``send`` or ``send_many``.
        destinations: the names of the groups or channels.
        message_type: of the message; empty if it has none.
    """

    method: str
    destinations: tuple[str, ...]
    message_type: str


@dataclass(frozen=True, slots=True)
class Handling:
    """A message that is handled.

    Attributes:
        handler: what handles it, such as ``chat.consumers.ChatConsumer.chat_message``.
        destination: the group or channel that it was sent to; empty where there were several.
        message_type: of the message; empty if it has none.
        is_shared: whether the handler runs once for all members of this process that wait.
        is_replay: whether the client was away, or behind, when the message was sent: that may have
            been long ago. Known of clients only that say where they were.
    """

    handler: str
    destination: str
    message_type: str
    is_shared: bool = False
    is_replay: bool = False


class TraceContext(Protocol):
    """A tracer. One is made for each layer, without arguments; it may be used by any thread.

    What its methods raise by themselves, ``group_send()`` or the handler's consumer raises.
    """

    def sending(self, message: Sending) -> AbstractContextManager[Mapping[str, str]]:
        """Return what stands around a call that sends, and yields the headers to be sent along.

        It may be left in another thread and context than it was entered in, so it binds nothing.
        """

    def handling(
        self, message: Handling, headers: Mapping[str, str]
    ) -> AbstractContextManager[object]:
        """Return what stands around a handler, in its task or thread."""
