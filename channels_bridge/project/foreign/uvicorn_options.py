"""Options of uvicorn, and what they are called here."""

from __future__ import annotations

from channels_bridge.project.foreign.option import LOGGING, SETTINGS, TLS, Becomes, Option

UVICORN = (
    Option(
        "--host, --port",
        "-b HOST:PORT",
        becomes=(Becomes.HOST, Becomes.PORT),
    ),
    Option(
        "--uds",
        "-b unix:/path",
        becomes=Becomes.UNIX,
    ),
    Option(
        "--fd",
        "-b fd:N",
        becomes=Becomes.FD,
    ),
    Option("--workers", "-w N"),
    Option(
        "--reload", "--reload", "the loaded files are watched, as with `runserver`", value=False
    ),
    Option(
        "--reload-dir, --reload-include, --reload-exclude, --reload-delay",
        "",
        "the loaded files are watched",
        becomes=Becomes.NOTE,
    ),
    Option("--ws-max-size", "--max-message-size", "1 MiB, where uvicorn's is 16 MiB"),
    Option(
        "--ws-max-queue",
        "",
        "reading pauses at 16 messages",
        becomes=Becomes.NOTE,
    ),
    Option("--ws-ping-interval", "--ping-interval", "20 s, as with uvicorn"),
    Option("--ws-ping-timeout", "--ping-timeout", "20 s, as with uvicorn"),
    Option(
        "--ws-per-message-deflate",
        "--no-compression",
        "messages from 1 KiB on, without context takeover",
        becomes=Becomes.SWITCH,
    ),
    Option(
        "--proxy-headers, --no-proxy-headers",
        "--forwarded-allow-ips",
        "no peer is trusted unless named",
        value=False,
        becomes=(Becomes.TRUST_LOCAL, Becomes.TRUST_NONE),
    ),
    Option(
        "--forwarded-allow-ips",
        "--forwarded-allow-ips",
        "uvicorn trusts 127.0.0.1 and ::1; here, no peer unless named",
    ),
    Option("--root-path", "--root-path", "added to the path unless it is there already"),
    Option(
        "--access-log",
        "",
        "that is the default",
        value=False,
        becomes=Becomes.NOTHING,
    ),
    Option("--no-access-log", "--no-access-log", value=False),
    Option(
        "--server-header, --no-server-header",
        "--server-name",
        "no header by default",
        value=False,
        becomes=(Becomes.NOTE, Becomes.NOTHING),
    ),
    Option(
        "--date-header, --no-date-header",
        "",
        "always sent with pages",
        value=False,
        becomes=(Becomes.NOTHING, Becomes.NOTE),
    ),
    Option(
        "--timeout-graceful-shutdown", "--shutdown-timeout", "10 s, where uvicorn waits for ever"
    ),
    Option(
        "--timeout-worker-healthcheck",
        "--worker-timeout",
        "30 s, as gunicorn's `--timeout`, where uvicorn's is 5 s",
    ),
    Option(
        "--timeout-keep-alive",
        "--keep-alive-timeout",
        "75 s, as nginx, where uvicorn's is 5 s; see [Connections](deployment.md#connections)",
    ),
    Option("--ssl-certfile", "--ssl-certfile"),
    Option("--ssl-keyfile", "--ssl-keyfile"),
    Option("--ssl-keyfile-password", "--ssl-keyfile-password"),
    Option(
        "--ssl-version, --ssl-cert-reqs, --ssl-ca-certs, --ssl-ciphers",
        "",
        TLS,
        becomes=Becomes.QUESTION,
    ),
    Option(
        "--loop, --http, --ws",
        "",
        "uvloop where it is installed; one engine for WebSockets, httptools for pages",
        becomes=Becomes.NOTHING,
    ),
    Option(
        "--http2",
        "",
        "not served; browsers can speak it with the proxy in front",
        value=False,
        becomes=Becomes.QUESTION,
    ),
    Option(
        "--lifespan, --interface, --app-dir",
        "",
        "detected; the application is `ASGI_APPLICATION`",
        becomes=(Becomes.NOTHING, Becomes.INTERFACE, Becomes.QUESTION),
    ),
    Option(
        "--factory",
        "",
        "the application is `ASGI_APPLICATION`, not a factory",
        value=False,
        becomes=Becomes.QUESTION,
    ),
    Option(
        "--env-file",
        "",
        SETTINGS,
        becomes=Becomes.QUESTION,
    ),
    Option(
        "--log-config, --log-level",
        "",
        LOGGING,
        becomes=(Becomes.QUESTION, Becomes.NOTE),
    ),
    Option(
        "--use-colors, --no-use-colors",
        "",
        LOGGING,
        value=False,
        becomes=Becomes.NOTHING,
    ),
    Option(
        "--header",
        "",
        "write a middleware",
        becomes=Becomes.QUESTION,
    ),
    Option("--limit-concurrency", "--max-connections", "503, as with uvicorn; off by default"),
    Option("--limit-max-requests", "--max-requests", "a worker is replaced as in a reload"),
    Option("--limit-max-requests-jitter", "--max-requests-jitter"),
    Option(
        "--backlog",
        "",
        "2048, as with uvicorn",
        becomes=Becomes.NOTHING,
    ),
    Option(
        "--h11-max-incomplete-event-size",
        "",
        "the head of a request may be 64 KiB long",
        becomes=Becomes.NOTE,
    ),
    Option(
        "--reset-contextvars",
        "",
        "not needed for consumers: each connection has a context of its own",
        value=False,
        becomes=Becomes.NOTHING,
    ),
)
