"""The rules about what runs where, with what ``--explain`` says of them."""

from __future__ import annotations

from channels_bridge.migrate.model.rule import Rule, Severity

CB301 = Rule(
    "CB301",
    Severity.ERROR,
    "a process that sends to groups runs in a container of its own",
    "With the default address, processes find each other in a directory of /tmp. Another container "
    "has a /tmp of its own, so what its tasks send reaches nobody. On one machine, name a socket "
    "on a volume that both mount; on several, use NatsChannelLayer or keep channels_redis.",
    "settings.md#who-finds-whom",
)
CB302 = Rule(
    "CB302",
    Severity.ERROR,
    "the server runs in several containers",
    "Each would have groups of its own. Run one with `-w N`, or join them: over NATS, or with "
    "channels_redis as before.",
    "several_machines.md#when-you-need-it",
)
CB303 = Rule(
    "CB303",
    Severity.ERROR,
    "a process cannot reach the directory where groups are joined",
    "Processes meet in a directory of /tmp that only their user can enter. Another user, a /tmp of "
    "one's own (PrivateTmp=), or a file system that cannot be written keeps them apart: name a "
    "socket that all of them can reach in CONFIG, or give them the same user and a writable /tmp.",
    "settings.md#who-finds-whom",
)
CB304 = Rule(
    "CB304",
    Severity.WARNING,
    "a platform runs the processes of the Procfile on machines of their own",
    "Processes of such a platform share no file system, and mostly no network: what a worker "
    "process sends to groups does not reach the web process. Keep channels_redis there, or use "
    "NatsChannelLayer with a server that both reach.",
    "platforms.md#heroku",
)
CB305 = Rule(
    "CB305",
    Severity.WARNING,
    "nginx does not pass WebSockets on",
    "A handshake has the headers Upgrade and Connection, which nginx drops unless it is told to "
    "pass them on, by HTTP/1.1. A connection on which nothing comes for proxy_read_timeout is cut "
    "off; the server sends a ping each 20 seconds.",
    "nginx.md#nginx",
)
CB306 = Rule(
    "CB306",
    Severity.ADVICE,
    "nothing but the channel layer uses Redis",
    "Once another layer is in its place, the service may be removed.",
    "settings.md#channel_layers",
)
