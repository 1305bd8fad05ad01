"""Choices that several scenarios share."""

from __future__ import annotations

from compat_tests.differences.scenario import Like, Own

CODE = Like("daphne", "close", "uvicorn drops the connection, as if the network had failed")

GOODBYE = Own(
    "After an exception in a handler, `disconnect()` is not called",
    {"events": [["disconnect()", 1011]]},
)

GOODBYE_IN_HANDSHAKE = Own(
    "After an exception in `connect()`, `disconnect()` is not called",
    {"events": [["disconnect()", 1006]]},
)

OVERDUE = Own(
    "`connect()` that neither accepts nor closes", {"status": 504, "log": [["WARNING", None]]}
)

NOT_FOUND = Own("A path without a route is a 500", {"status": 404, "log": [["WARNING", None]]})

LEGAL = Like(
    "uvicorn", "close, events, end, log", "RFC 6455 allows the code, so there is nothing to refuse"
)

SILENT = Own(
    "`send()` after `close()` raises",
    {"events": [["disconnect()", 4002]], "end": ["returned"], "log": []},
)

VIOLATION = Like(
    "uvicorn", "close, events", "RFC 6455 has a code for it; Daphne drops the connection"
)

CANCELLED = Like(
    "daphne", "end, log", "an application that never returns would keep its server from ending"
)
