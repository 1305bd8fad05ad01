"""The rules that find what differences from Daphne are about, or why no rule does.

Each row of ``migration_guide/differences.md`` is here, by the words that it begins with.
"""

from __future__ import annotations

import re

from channels_bridge.migrate.model.rule import Rule

#: Reasons for which no file of a project can be found that a difference matters to.
SEEN_OUTSIDE = "it is what clients, pages or logs see; no code asks for it"
MEANT = "code that is written for it works here as it was meant"
AT_RUN_TIME = "only a running server shows whether it happens"
NEW_OPTION = "it comes with options that a project sets after the switch"

_RULE = re.compile(r"CB\d{3}", re.ASCII)

#: By the beginning of a row: rules, with commas, or a reason.
DIFFERENCES = {
    "A path without a route": SEEN_OUTSIDE,
    "`connect()` that neither accepts nor closes": AT_RUN_TIME,
    "An application that returns without deciding": AT_RUN_TIME,
    "`accept(headers=...)` is ignored": MEANT,
    '`scope["asgi"]` has no `spec_version`': "CB409",
    "`websocket.http.response.start` is ignored": MEANT,
    "`OriginValidator` denies without a log line": "CB410",
    "An `Origin` that is not a URL": SEEN_OUTSIDE,
    "A consumer that refuses is 403": SEEN_OUTSIDE,
    "A subprotocol that the client did not offer": AT_RUN_TIME,
    "`CONNECT`, and a `Transfer-Encoding`": SEEN_OUTSIDE,
    "After an exception in a handler": MEANT,
    "The same for handlers of layer messages": MEANT,
    "After an exception in `connect()`": MEANT,
    "`send()` after `close()` raises": AT_RUN_TIME,
    "After `StopConsumer` outside": AT_RUN_TIME,
    "The same for an application that returns": AT_RUN_TIME,
    "`websocket.send` with neither text nor bytes": "CB407",
    "A message of a type that ASGI does not have": "CB407",
    "An empty text or binary message": MEANT,
    "A message over the limit": SEEN_OUTSIDE,
    "Messages are not compressed": SEEN_OUTSIDE,
    "Messages that a client does not read": AT_RUN_TIME,
    "The reason passed to `close()`": MEANT,
    "`close()` with 1001, 1011 or 1012 raises": MEANT,
    "A reason of more than 123 bytes": "CB407",
    "When the server stops, connections are dropped": MEANT,
    "`daphne` serves no static files": SEEN_OUTSIDE,
    "Pages have the header `Server: daphne`": SEEN_OUTSIDE,
    "An event stream is dropped when the server stops": MEANT,
    "`daphne` runs no system checks": "manage.py check says what they find",
    "The application is not told of the server's start": MEANT,
    "A handler that blocks the event loop": "CB404",
    "`AuthMiddleware` closes its database connection": AT_RUN_TIME,
    "`AppConfig.ready()` runs in one process": "CB405, CB406",
    "The server waits for non-daemon threads": "CB406",
    "`breakpoint()` stops at a prompt": "the server's log says what it needs",
    "SIGHUP ends the server": SEEN_OUTSIDE,
    "A group handler runs for each member": AT_RUN_TIME,
    "All connections of a process share one capacity": AT_RUN_TIME,
    "`channel_capacity` fails on first use": MEANT,
    "A group member without room": SEEN_OUTSIDE,
    "A message is sent when the coroutine": AT_RUN_TIME,
    "In a process that gevent or eventlet has patched": AT_RUN_TIME,
    "Without its Redis server, `group_send()` and the like": "CB103, CB301, CB302, CB303, CB304",
    "A member leaves its groups after `group_expiry`": MEANT,
    "Members in the sender's process have a message": NEW_OPTION,
    "`group_add()` returns None": NEW_OPTION,
    "Without its Redis server, `group_send()` raises": NEW_OPTION,
    "A consumer that has no room for a message": NEW_OPTION,
    "`group_send()` outside of workers returns once": NEW_OPTION,
    "A sender's messages keep their order": NEW_OPTION,
    "A new member gets nothing that was sent": NEW_OPTION,
    "A process that finds no hub works on its own": NEW_OPTION,
    "The hub keeps what a process has not handled": NEW_OPTION,
    "An absence that is too long": NEW_OPTION,
    "What is confirmed, and a question": NEW_OPTION,
    "`history` and `presence` keep what was said": NEW_OPTION,
    "Greenlets may send to groups": NEW_OPTION,
    "Channels without an exclamation mark": NEW_OPTION,
    "The access log has the query strings": SEEN_OUTSIDE,
    "With DEBUG for all loggers": SEEN_OUTSIDE,
    "Tests use the Redis server of the settings": "CB501, CB503",
    "`ChannelsLiveServerTestCase` may fork its server": "CB502, CB504",
    "SIGTERM kills `runworker`": AT_RUN_TIME,
    "A message without a `type` on one of several channels": AT_RUN_TIME,
}


def rules_of(difference: str) -> list[str]:
    """Return the ids in an entry of ``DIFFERENCES``; none if it is a reason."""
    return _RULE.findall(difference)


def about(rule: Rule) -> list[str]:
    """Return the beginnings of the differences that a rule finds code for."""
    return [row for row, entry in DIFFERENCES.items() if rule.id in rules_of(entry)]
