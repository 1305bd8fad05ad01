"""Options of hypercorn, and what they are called here."""

from __future__ import annotations

from channels_bridge.project.foreign.option import LOGGING, SETTINGS, STARTS, TLS, Option

HYPERCORN = (
    Option("-b, --bind", "-b HOST:PORT", "the same forms, but for `fd://N`, which is `fd:N`"),
    Option(
        "--insecure-bind, --quic-bind",
        "",
        "all ports speak the same protocols; HTTP/3 is not served",
    ),
    Option("-w, --workers", "-w N"),
    Option("-k, --worker-class", "", "asyncio, with uvloop where it is installed"),
    Option("--reload", "--reload", value=False),
    Option("--certfile", "--ssl-certfile"),
    Option("--keyfile", "--ssl-keyfile"),
    Option("--keyfile-password", "--ssl-keyfile-password"),
    Option("--ca-certs, --cert-reqs, --verify-mode, --ciphers", "", TLS),
    Option("--graceful-timeout", "--shutdown-timeout"),
    Option("--websocket-ping-interval", "--ping-interval"),
    Option("--root-path", "--root-path"),
    Option("--server-name", "", "the setting `ALLOWED_HOSTS`"),
    Option(
        "--access-log, --access-logfile",
        "",
        "written by default; the setting `LOGGING` says where to",
    ),
    Option("--access-logformat", "--access-log-format", "`text`, `json` or a template"),
    Option("--error-log, --error-logfile, --log-file, --log-config, --log-level", "", LOGGING),
    Option("--debug", "", SETTINGS, value=False),
    Option("--keep-alive", "--keep-alive-timeout", "75 s, where hypercorn's is 5 s"),
    Option("--read-timeout", "--handshake-timeout", "for each request's head"),
    Option("--max-requests", "--max-requests", "a worker is replaced as in a reload"),
    Option("--max-requests-jitter", "--max-requests-jitter"),
    Option("--backlog", "", "2048"),
    Option("-c, --config, -p, --pid, -u, --user, -g, --group, -m, --umask", "", STARTS),
    Option("-D, --daemon", "", STARTS, value=False),
    Option(
        "--statsd-host, --statsd-prefix",
        "--metrics",
        "for Prometheus, whose format other systems read, too",
    ),
)
