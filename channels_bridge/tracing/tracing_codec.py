"""The codec of a layer that traces: messages with what travels beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from channels_bridge.groups.codec import Codec
from channels_bridge.groups.message import GroupMessage
from channels_bridge.tracing.carried_headers import Carried, put, read


class TracedEvent(dict[str, Any]):
    """A message that something travels beside; for all else it is the dict that it would be."""

    __slots__ = ("carried",)

    def __init__(self, message: Mapping[str, Any], carried: Carried) -> None:
        super().__init__(message)
        self.carried = carried


@dataclass(frozen=True)
class TracedGroupMessage(GroupMessage):
    """The same of a GroupMessage, on its way out."""

    carried: Carried | None = None


class TracingCodec(Codec):
    """Encodes what travels beside a message with it, and decodes it as a ``TracedEvent``."""

    def encode(self, message: dict[str, Any] | GroupMessage) -> bytes:
        """Return ``message`` as bytes: without headers if there is no room for them."""
        payload = super().encode(message)
        if not isinstance(message, TracedEvent | TracedGroupMessage) or message.carried is None:
            return payload
        with_headers = put(payload, message.carried)
        return with_headers if len(with_headers) <= self.max_message_size else payload

    def decode(self, payload: bytes) -> dict[str, Any]:
        message = super().decode(payload)
        carried = read(payload)
        return message if carried is None else TracedEvent(message, carried)

    def copies(self, payload: bytes) -> Iterator[dict[str, Any]]:
        copies = super().copies(payload)
        carried = read(payload)
        if carried is None:
            return copies
        return (TracedEvent(message, carried) for message in copies)
