"""A process on a transport, as the tests see one."""

from __future__ import annotations

from channels_bridge.groups.transport_interface import GroupTransport
from compat_tests.groups.hubs import until


class Peer:
    """Records what a transport delivers."""

    def __init__(self, transport: GroupTransport) -> None:
        self.transport = transport
        self.received: list[tuple[str, bytes]] = []
        self.has_room = True
        self.on_delivery = lambda topic, payload: None
        transport.start(self._deliver)

    def _deliver(self, topic: str, payload: bytes) -> bool:
        self.received.append((topic, payload))
        self.on_delivery(topic, payload)
        return self.has_room

    @property
    def payloads(self) -> list[bytes]:
        return [payload for _, payload in self.received]

    async def has_received(self, *payloads: bytes) -> None:
        """Wait for as many payloads, and require that these were they."""
        await until(lambda: len(self.received) >= len(payloads))
        assert self.payloads == list(payloads)
