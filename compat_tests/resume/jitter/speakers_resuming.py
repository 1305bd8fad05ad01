"""The client of this project's server: it goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Iterator

from compat_tests.resume.jitter.arrivals import TOLD
from compat_tests.resume.jitter.speakers import GROUP, number_in
from compat_tests.resume.protocol_client import Frame, ProtocolClient


class ResumingSpeaker:
    """A page with ``resumable.js``, or another client of the protocol."""

    def __init__(self) -> None:
        self._client = ProtocolClient()

    def path(self) -> str:
        return f"/ws/chat/{GROUP}/?{self._client.begin()}"

    def hear(self, data: str | bytes) -> Iterator[int | str]:
        heard = self._client.hear(data)
        assert self._client.speaks, f"the server does not speak the protocol: {data!r}"
        if isinstance(heard, Frame):
            yield number_in(json.loads(heard.payload))
        elif heard.is_gap:
            yield TOLD
