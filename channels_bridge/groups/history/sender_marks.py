"""Marks, for deduplication: what a sender repeats after a reconnect is recognised."""

from __future__ import annotations

from collections import OrderedDict

#: How many senders to remember. Each `manage.py` command is one.
MAX_SENDERS = 10_000


class SenderMarks:
    """The highest number that each sender has given to a message.

    They number upwards, and repeat in order what may have been lost: what isn't higher was here
    before. Those not heard of for longest are forgotten first.
    """

    def __init__(self) -> None:
        self.by_sender: OrderedDict[bytes, int] = OrderedDict()

    def advance(self, sender: bytes, seq: int) -> bool:
        """Note a number; False where it was noted before."""
        marks = self.by_sender
        if seq <= marks.get(sender, -1):
            return False
        marks[sender] = seq
        marks.move_to_end(sender)
        if len(marks) > MAX_SENDERS:
            marks.popitem(last=False)
        return True

    def advance_by(self, sender: bytes, seq: int, count: int) -> int:
        """Note so many numbers, from this one on. Returns how many of them were noted before."""
        mark = self.by_sender.get(sender, -1)
        if not self.advance(sender, seq + count - 1):
            return count
        return max(mark + 1 - seq, 0)
