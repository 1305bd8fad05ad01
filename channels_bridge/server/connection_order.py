"""The orders that connections are listed in, the same in a worker and over all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

#: What connections are sorted by. Its arguments: the seconds for which one has been open, the bytes
#: that its client has not read, and what waits for its consumer.
Rank = Callable[[float, int, int], tuple[float, ...]]

#: By name; the first counts where none is named, or an unknown one.
ORDERS: Mapping[str, Rank] = {
    "newest": lambda seconds, unsent, waiting: (seconds,),
    "oldest": lambda seconds, unsent, waiting: (-seconds,),
    # A client that reads too slowly comes before one that is served too slowly.
    "slowest": lambda seconds, unsent, waiting: (-unsent, -waiting),
}

#: The most connections that are listed at once, by a worker and by a server.
MOST_LISTED = 1000


def rank_by(order: object) -> Rank:
    """Return what connections are sorted by in an order."""
    return ORDERS.get(str(order)) or ORDERS["newest"]


def how_many(limit: object) -> int:
    """Return how many connections to list where so many are wanted."""
    return max(0, min(limit, MOST_LISTED)) if isinstance(limit, int) else MOST_LISTED
