"""Options of hypercorn, and what they are called here."""

from __future__ import annotations

from channels_bridge.project.foreign.option import LOGGING, SETTINGS, STARTS, TLS, Becomes, Option

HYPERCORN = (
    Option(
        "-b, --bind",
        "-b HOST:PORT",
        "the same forms, but for `fd://N`, which is `fd:N`",
        becomes=Becomes.ADDRESS,
    ),
    Option(
        "--insecure-bind, --quic-bind",
        "",
        "all ports speak the same protocols; HTTP/3 is not served",
        becomes=Becomes.QUESTION,
    ),
    Option("-w, --workers", "-w N"),
    Option(
        "-k, --worker-class",
        "",
        "asyncio, with uvloop where it is installed",
        becomes=Becomes.NOTHING,
    ),
    Option("--reload", "--reload", value=False),
    Option("--certfile", "--ssl-certfile"),
    Option("--keyfile", "--ssl-keyfile"),
    Option("--keyfile-password", "--ssl-keyfile-password"),
    Option(
        "--ca-certs, --cert-reqs, --verify-mode, --ciphers",
        "",
        TLS,
        becomes=Becomes.QUESTION,
    ),
    Option("--graceful-timeout", "--shutdown-timeout"),
    Option("--websocket-ping-interval", "--ping-interval"),
    Option("--root-path", "--root-path"),
    Option(
        "--server-name",
        "",
        "the setting `ALLOWED_HOSTS`",
        becomes=Becomes.QUESTION,
    ),
    Option(
        "--access-log, --access-logfile",
        "",
        "written by default; the setting `LOGGING` says where to",
        becomes=Becomes.OUTPUT,
    ),
    Option(
        "--access-logformat",
        "--access-log-format",
        "`text`, `json` or a template",
        becomes=Becomes.QUESTION,
    ),
    Option(
        "--error-log, --error-logfile, --log-file, --log-config, --log-level",
        "",
        LOGGING,
        becomes=(Becomes.OUTPUT, Becomes.OUTPUT, Becomes.OUTPUT, Becomes.QUESTION, Becomes.NOTE),
    ),
    Option(
        "--debug",
        "",
        SETTINGS,
        value=False,
        becomes=Becomes.QUESTION,
    ),
    Option("--keep-alive", "--keep-alive-timeout", "75 s, where hypercorn's is 5 s"),
    Option("--read-timeout", "--handshake-timeout", "for each request's head"),
    Option("--max-requests", "--max-requests", "a worker is replaced as in a reload"),
    Option("--max-requests-jitter", "--max-requests-jitter"),
    Option(
        "--backlog",
        "",
        "2048",
        becomes=Becomes.NOTHING,
    ),
    Option(
        "-c, --config, -p, --pid, -u, --user, -g, --group, -m, --umask",
        "",
        STARTS,
        becomes=Becomes.QUESTION,
    ),
    Option(
        "-D, --daemon",
        "",
        STARTS,
        value=False,
        becomes=Becomes.QUESTION,
    ),
    Option(
        "--statsd-host, --statsd-prefix",
        "--metrics",
        "for Prometheus, whose format other systems read, too",
        becomes=Becomes.QUESTION,
    ),
)
