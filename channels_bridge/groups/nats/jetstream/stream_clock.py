"""The clock of a stream: when it is there, in the time of the node that leads it.

JetStream says when it stored a message, in its own time. How old that message is can be said in
that time only, whatever the clocks of this host show.
"""

from __future__ import annotations

import calendar
import time
from math import inf

#: How far two clocks drift apart, in seconds per second.
DRIFT = 1e-4


class StreamClock:
    """Tells a stream's time from the loop's, by what the stream said last.

    It is as exact as the quickest of its answers was: by half of its round trip. Clocks of
    different nodes may differ by more, until the next answer after a change of the leader.
    """

    def __init__(self) -> None:
        self._offset = 0.0
        self._error = inf
        self._measured = -inf

    def note(self, stamp: str, asked: float, answered: float) -> None:
        """Take what the stream says the time is, in an answer.

        Args:
            stamp: such as ``2026-11-29T01:16:58.123456789Z``.
            asked: the loop's time then.
            answered: the loop's time then.
        """
        error = (answered - asked) / 2
        if self._error == inf or error <= self._error + (answered - self._measured) * DRIFT:
            self._offset = read_stamp(stamp) - (asked + answered) / 2
            self._error, self._measured = error, answered

    def is_older(self, seconds: float, now: float) -> bool:
        """Whether it was so long ago that it was set; ``now`` is the loop's time."""
        return now - self._measured > seconds

    def reset(self) -> None:
        """Trust the next answer, whatever was said before: another node may lead the stream."""
        self._error = inf

    def at(self, moment: float) -> float:
        """The stream's time at a moment of the loop's: seconds since 1970."""
        return moment + self._offset


def read_stamp(stamp: str) -> float:
    """Seconds since 1970 of a time as JetStream writes it, always in UTC."""
    whole, _, fraction = stamp.rstrip("Z").partition(".")
    return calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) + float(f"0.{fraction or 0}")
