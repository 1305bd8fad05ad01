"""Options of Daphne and of its ``runserver``, and what they are called here."""

from __future__ import annotations

from channels_bridge.project.foreign.option import LOGGING, Becomes, Option

DAPHNE = (
    Option(
        "-b, --bind, -p, --port",
        "-b HOST:PORT",
        "repeatable; by default the sockets that systemd passed, or 127.0.0.1:8000, as with Daphne",
        becomes=(Becomes.HOST, Becomes.HOST, Becomes.PORT, Becomes.PORT),
    ),
    Option(
        "-u, --unix-socket",
        "-b unix:/path",
        becomes=Becomes.UNIX,
    ),
    Option(
        "--fd",
        "-b fd:N",
        becomes=Becomes.FD,
    ),
    Option(
        "-e, --endpoint",
        "-b",
        "repeatable; for TLS, `--ssl-certfile`",
        becomes=Becomes.ENDPOINT,
    ),
    Option("", "-w N", "worker processes; 0 is one per core"),
    Option("", "--reload", "restart workers when a file changes"),
    Option("", "--no-http", "serve WebSockets only"),
    Option("--websocket_connect_timeout", "--handshake-timeout", "10 s, where Daphne's is 5 s"),
    Option(
        "--websocket_timeout",
        "",
        "there is no limit to a connection's life; Daphne's is a day",
        becomes=Becomes.QUESTION,
    ),
    Option("--application-close-timeout", "--close-timeout", "10 s, as with Daphne"),
    Option(
        "",
        "--drain-seconds, --drain-code",
        "connections are closed [little by little](deployment.md#deploys), with 1001 or "
        "another code",
    ),
    Option("", "--shutdown-timeout", "10 s"),
    Option("", "--startup-timeout", "60 s for a worker to be ready; 0 is no limit"),
    Option(
        "",
        "--worker-timeout",
        "30 s: a worker or hub that is stuck for longer is replaced; 0 is no limit",
    ),
    Option(
        "",
        "--idle-timeout, --max-connections-per-address, --max-connection-rate, --max-message-rate",
        "off by default; see [Connections](deployment.md#connections)",
    ),
    Option(
        "",
        "--write-timeout",
        "30 s without progress; Daphne keeps everything for a client that does not read",
    ),
    Option("--ping-interval", "--ping-interval", "20 s, as with Daphne; 0 sends none"),
    Option("--ping-timeout", "--ping-timeout", "20 s, where Daphne's is 30 s"),
    Option(
        "--websocket-max-message-size", "--max-message-size", "1 MiB, as with Daphne; 0 is no limit"
    ),
    Option(
        "--websocket-max-frame-size",
        "",
        "the limit on messages covers frames",
        becomes=Becomes.NOTE,
    ),
    Option("--root-path", "--root-path", "works whether or not the proxy strips the prefix"),
    Option(
        "--proxy-headers",
        "--forwarded-allow-ips",
        "Daphne trusts every peer; here, name those to trust",
        value=False,
        becomes=Becomes.TRUST_ALL,
    ),
    Option(
        "--proxy-headers-host, --proxy-headers-port",
        "",
        "always X-Forwarded-For and X-Forwarded-Proto",
        becomes=Becomes.QUESTION,
    ),
    Option(
        "--access-log",
        "",
        "written by default, to the logger `channels_bridge.access`, without query strings; "
        "`--no-access-log` turns it off",
        becomes=Becomes.OUTPUT,
    ),
    Option("-s, --server-name", "--server-name", "no header by default"),
    Option(
        "--no-server-name",
        "",
        "that is the default",
        value=False,
        becomes=Becomes.NOTHING,
    ),
    Option(
        "-t, --http-timeout",
        "",
        "no limit, as by default with Daphne; a proxy in front can set one",
        becomes=Becomes.QUESTION,
    ),
    Option(
        "-v, --verbosity, --log-fmt",
        "",
        LOGGING,
        becomes=Becomes.NOTE,
    ),
)

#: Of its ``runserver``, and of Django's.
RUNSERVER = (
    Option(
        "--noreload",
        "",
        "without `--reload` nothing is watched",
        value=False,
        becomes=Becomes.NOTE,
    ),
    Option(
        "--nothreading, --noasgi",
        "",
        "our `runserver` has it, too",
        value=False,
        becomes=Becomes.NOTE,
    ),
    Option(
        "-6, --ipv6",
        "-b [::1]:8000",
        value=False,
        becomes=Becomes.NOTE,
    ),
    Option(
        "--nostatic, --insecure",
        "",
        "static files are served with DEBUG; otherwise by the web server in front",
        value=False,
        becomes=Becomes.NOTE,
    ),
    Option(
        "--http_timeout",
        "",
        "our `runserver` has it, too",
        becomes=Becomes.NOTE,
    ),
    Option("--websocket_handshake_timeout", "--handshake-timeout", "10 s"),
)
