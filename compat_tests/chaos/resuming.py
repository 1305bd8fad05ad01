"""Clients that go on where they were, whatever ended their connection."""

from __future__ import annotations

import json
import time
from typing import Any

from compat_tests.chaos.clients import Client
from compat_tests.chaos.journal import Journal
from compat_tests.chaos.stories import Gap, Story
from compat_tests.resume.protocol_client import Frame, ProtocolClient


class ResumingClient(Client):
    """A client of the resume protocol.

    Attributes:
        story: what it got over all of its connections.
    """

    def __init__(self, name: str, room: str, address: str, journal: Journal, seed: str) -> None:
        super().__init__(name, room, address, journal, seed)
        self._protocol = ProtocolClient()
        self.story = Story(name, room, complaints=self._protocol.complaints)
        self._offset = 0  # of the frame that is being read

    def take_place(self) -> None:
        """Write down where it is now."""
        standings = self._protocol.standings.values()
        self.story.place = [(each.epoch, each.offset, each.frames) for each in standings]

    def path(self) -> str:
        return f"{super().path()}?{self._protocol.begin()}"

    def decode(self, data: str | bytes) -> Any:
        heard = self._protocol.hear(data)
        if isinstance(heard, Frame):
            self._offset = heard.offset
            return json.loads(heard.payload)
        if heard.is_gap:
            self.story.steps.append(Gap(heard.fields["why"]))
        return None

    def _hear_joined(self, worker: int) -> None:
        super()._hear_joined(worker)
        if self.story.joined is None:
            self.story.joined = time.monotonic()
        if not self._protocol.speaks:
            self.story.complaints.append("the server does not speak it")

    def _hear_said(self, sender: str, number: int) -> None:
        super()._hear_said(sender, number)
        self.story.steps.append((self._offset, (sender, number)))
