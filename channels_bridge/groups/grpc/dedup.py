"""Deduplication: messages that are sent again after a reconnect are handled once."""

from __future__ import annotations

from collections import OrderedDict

#: How many senders to remember. Each `manage.py` command is one.
MAX_SENDERS = 10_000


class Marks:
    """The highest sequence number seen of each sender.

    Senders number their messages upwards and repeat them in order, so what isn't higher was seen
    before. Those not heard of for longest are forgotten first.
    """

    def __init__(self) -> None:
        self._marks: OrderedDict[bytes, int] = OrderedDict()

    def advance(self, sender: bytes, seq: int) -> bool:
        """Note ``seq``; False when it was seen before."""
        mark = self._marks.get(sender)
        if mark is not None and seq <= mark:
            return False
        self._marks[sender] = seq
        self._marks.move_to_end(sender)
        if len(self._marks) > MAX_SENDERS:
            self._marks.popitem(last=False)
        return True
