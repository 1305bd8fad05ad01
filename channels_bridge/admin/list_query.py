"""The query string of the list of connections: search, order and page."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from channels_bridge.server.child.questions import Message
from channels_bridge.server.connection_order import MOST_LISTED, ORDERS

#: Connections on a page.
PAGE = 100

#: Characters that are searched for at most: a question to the server is short.
MAX_SEARCH = 100

#: Characters of a group's name, with a layer's alias in front.
MAX_NAME = 200


@dataclass(frozen=True)
class ListQuery:
    """Which connections are wanted. Whatever is in a query string, it can be asked."""

    search: str
    group: str
    order: str
    page: int

    @classmethod
    def of(cls, query: Mapping[str, str]) -> ListQuery:
        """Read a query string."""
        order, page = query.get("o", ""), query.get("p", "")
        return cls(
            search=query.get("q", "").replace("\0", "").strip()[:MAX_SEARCH],
            group=query.get("group", "")[:MAX_NAME],
            order=order if order in ORDERS else next(iter(ORDERS)),
            page=max(1, min(int(page[:4]), MOST_LISTED // PAGE)) if page.isdecimal() else 1,
        )

    def question(self, users: list[str]) -> Message:
        """Return what the server is asked: for this page and those before it.

        Args:
            users: keys of users who are found by their names.
        """
        return {
            "top": 0,
            "connections": {
                "limit": self.page * PAGE,
                "order": self.order,
                "search": self.search,
                "users": users,
                "group": self.group,
            },
        }

    def rows(self, listed: Message) -> list[Message]:
        """Return those of this page."""
        rows: list[Message] = listed["rows"][(self.page - 1) * PAGE : self.page * PAGE]
        return rows

    def pages(self, listed: Message) -> range:
        """Return the numbers of all pages that can be asked for."""
        return range(1, math.ceil(min(listed["matching"], MOST_LISTED) / PAGE) + 1)
