"""Admission control per client address: WebSockets at a time, and a rate limit for new ones.

The limits hold over the server, whichever worker a connection goes to and whatever proxy it comes
through, so one ledger keeps count. Where there is a supervisor it keeps the ledger, and workers ask
over ``child/admission_link.py``.
"""

from __future__ import annotations

import ipaddress
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Protocol

from channels_bridge.server.config import ServerConfig
from channels_bridge.server.token_bucket import TokenBucket

#: Addresses whose rate is remembered; those that were not heard of for longest are forgotten.
MAX_ADDRESSES = 2**16

#: Characters of an address. Longer ones come from a proxy that passes on something else.
MAX_LENGTH = 64

#: Is told whether there was a place.
Decided = Callable[[bool], None]


class Admission(Protocol):
    """Grants places to connections."""

    def claim(self, address: str, decided: Decided) -> None:
        """Ask for a place; ``decided`` is called with the answer, now or later."""

    def release(self, address: str) -> None:
        """Give back a place that was granted."""


def limits_addresses(config: ServerConfig) -> bool:
    """Whether anything is limited per client address."""
    return bool(config.max_connections_per_address or config.max_connection_rate)


def address_key(host: str) -> str:
    """Return what counts as one address: of IPv6, the /64 network that a customer is given."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "".join(host.split())[:MAX_LENGTH]
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((int(address) >> 64 << 64, 64)))


class Place:
    """One connection's place among those of its address.

    Args:
        admission: who gives it.
        host: the client's.
    """

    __slots__ = ("_address", "_admission", "_granted", "_left")

    def __init__(self, admission: Admission, host: str) -> None:
        self._admission = admission
        self._address = address_key(host)
        self._granted = False
        self._left = False

    def claim(self, granted: Callable[[], None], refused: Callable[[], None]) -> None:
        """Ask for it; one of these is called, now or later, unless ``leave()`` comes before."""

        def decided(answer: bool) -> None:
            self._granted = answer
            if self._left:
                self._release()
            else:
                (granted if answer else refused)()

        self._admission.claim(self._address, decided)

    def leave(self) -> None:
        """The connection is gone."""
        self._left = True
        self._release()

    def _release(self) -> None:
        if self._granted:
            self._granted = False
            self._admission.release(self._address)


class Ledger:
    """Counts places by address; an ``Admission`` for one process.

    Args:
        config: has the limits.
        clock: seconds.
    """

    def __init__(self, config: ServerConfig, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = config.max_connections_per_address
        self._rate = config.max_connection_rate
        self._burst = config.connection_burst
        self._clock = clock
        self._held: Counter[str] = Counter()
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def claim(self, address: str, decided: Decided) -> None:
        """Ask for a place; the answer comes at once."""
        decided(self.grant(address))

    def grant(self, address: str) -> bool:
        """Give a place, if there is one. Attempts that are refused do not count."""
        if self._most and self._held[address] >= self._most:
            return False
        if self._rate and not self._take_token(address):
            return False
        self._held[address] += 1
        return True

    def release(self, address: str) -> None:
        """Take back a place that was granted."""
        self._held[address] -= 1
        if not self._held[address]:
            del self._held[address]

    def _take_token(self, address: str) -> bool:
        now = self._clock()
        bucket = self._buckets.get(address)
        if bucket is None:
            bucket = self._buckets[address] = TokenBucket(self._rate, self._burst, now)
            if len(self._buckets) > MAX_ADDRESSES:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(address)
        return bucket.take(now)
