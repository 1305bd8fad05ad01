"""What channel layers have in common whose groups reach other processes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from channels.layers import channel_layers
from django.utils.module_loading import import_string

from channels_bridge.groups import CROSSING_HISTORY, TRANSPORTS
from channels_bridge.groups.home.green_threads import can_wait
from channels_bridge.groups.home.known_outcome import IS_POSSIBLE
from channels_bridge.groups.layer import BridgeChannelLayer
from channels_bridge.groups.layer_config import LinkedConfig
from channels_bridge.groups.linked import isolation
from channels_bridge.groups.threadsafe_transport import CrossingTransport, Shortcut
from channels_bridge.groups.transport_interface import GroupTransport


class LinkedChannelLayer(BridgeChannelLayer, ABC):
    """A layer whose groups reach the other processes of a project.

    Spec deviation: a process that runs tests is one of its own: nobody else can be a member. See
    ``isolation``.
    """

    reaches_others = True
    config: LinkedConfig

    #: The key of CONFIG that says where others are. A layer that is made by hand with it looks for
    #: them in tests, too.
    place_key: ClassVar[str]

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._was_configured = not options.get(self.place_key)

    @property
    @abstractmethod
    def place(self) -> str:
        """Where this process looks for others."""

    @property
    @abstractmethod
    def hosts(self) -> list[str]:
        """The machines of that place, by the names or IP addresses in CONFIG."""

    @abstractmethod
    def _make_link(self, transport: Any, *, in_worker: bool) -> GroupTransport:
        """Make the transport of the given class, for this process."""

    def _confirms(self) -> bool:
        return self.config.confirm or super()._confirms()

    def _place(self) -> str | None:
        if isolation.is_isolated() and self._comes_from_settings():
            return None
        return self.place

    def _require_threads(self) -> None:
        # What goes another way needs them: that is found out then.
        if not (self._has_shortcut and self._place() is not None and can_wait() and IS_POSSIBLE):
            super()._require_threads()

    def _comes_from_settings(self) -> bool:
        """Whether nobody has made this layer by hand, and said where others are."""
        # Once it was, it stays so: settings that are overridden forget their layers.
        if not self._was_configured:
            self._was_configured = any(layer is self for layer in channel_layers.backends.values())
        return self._was_configured

    def _make_transport(self) -> GroupTransport:
        return self._make_link(self._transport_class(), in_worker=True)

    def _make_transport_to(self, place: str | None) -> GroupTransport:
        if place is None:
            return super()._make_transport_to(place)

        def make_transport() -> GroupTransport:
            return self._make_link(self._transport_class(), in_worker=False)

        crossing = import_string(CROSSING_HISTORY) if self.follows else CrossingTransport
        threadsafe: GroupTransport = crossing(
            make_transport, expiry=self.config.expiry, shortcut=self._make_shortcut()
        )
        return threadsafe

    @property
    def _has_shortcut(self) -> bool:
        """Whether threads without an event loop may publish by themselves."""
        return False

    def _make_shortcut(self) -> Shortcut | None:
        """Make what they do it by; None where they can't."""
        return None

    def _transport_class(self) -> Any:
        suffix = "-history" if self.follows else ""
        return import_string(TRANSPORTS[f"{self.transport_name}{suffix}"])
