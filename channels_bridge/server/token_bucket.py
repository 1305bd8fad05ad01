"""The token bucket: a rate limit with room for bursts."""

from __future__ import annotations


class TokenBucket:
    """Allows ``rate`` events a second on average, and ``burst`` of them at once.

    Args:
        rate: events per second.
        burst: events that may come together after a quiet time; at least 1.
        now: seconds, of a clock that only goes on.
    """

    __slots__ = ("_burst", "_last", "_rate", "_tokens")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._last = now

    def take(self, now: float) -> bool:
        """An event happens. False if that is one too many."""
        # Filled up when it is asked: no timer for each client.
        self._tokens = min(self._tokens + (now - self._last) * self._rate, self._burst)
        self._last = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
