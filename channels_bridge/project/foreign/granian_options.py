"""Options of granian, and what they are called here."""

from __future__ import annotations

from channels_bridge.project.foreign.option import LOGGING, NOT_YET, TLS, Becomes, Option

GRANIAN = (
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
        "--uds-permissions",
        "",
        "0666, as with Daphne and uvicorn",
        becomes=Becomes.NOTE,
    ),
    Option("--workers", "-w N"),
    Option("--reload", "--reload", value=False),
    Option(
        "--no-reload",
        "",
        "that is the default",
        value=False,
        becomes=Becomes.NOTHING,
    ),
    Option(
        "--reload-paths, --reload-ignore-dirs, --reload-ignore-patterns, "
        "--reload-ignore-paths, --reload-tick",
        "",
        "the loaded files are watched",
        becomes=Becomes.NOTE,
    ),
    Option(
        "--reload-ignore-worker-failure, --no-reload-ignore-worker-failure",
        "",
        "always: with `--reload` a worker that fails is started again",
        value=False,
        becomes=Becomes.NOTHING,
    ),
    Option("--ssl-certificate", "--ssl-certfile"),
    Option("--ssl-keyfile", "--ssl-keyfile"),
    Option("--ssl-keyfile-password", "--ssl-keyfile-password"),
    Option(
        "--ssl-ca, --ssl-crl, --ssl-protocol-min",
        "",
        TLS,
        becomes=Becomes.QUESTION,
    ),
    Option(
        "--ssl-client-verify, --no-ssl-client-verify",
        "",
        TLS,
        value=False,
        becomes=Becomes.QUESTION,
    ),
    Option("--url-path-prefix", "--root-path"),
    Option(
        "--access-log",
        "",
        "that is the default",
        value=False,
        becomes=Becomes.NOTHING,
    ),
    Option("--no-access-log", "--no-access-log", value=False),
    Option(
        "--access-log-fmt",
        "--access-log-format",
        "`text`, `json` or a template",
        becomes=Becomes.QUESTION,
    ),
    Option(
        "--log, --no-log",
        "",
        LOGGING,
        value=False,
        becomes=(Becomes.NOTHING, Becomes.QUESTION),
    ),
    Option(
        "--log-config, --log-level",
        "",
        LOGGING,
        becomes=(Becomes.QUESTION, Becomes.NOTE),
    ),
    Option("--workers-kill-timeout", "--shutdown-timeout"),
    Option(
        "--respawn-failed-workers, --no-respawn-failed-workers",
        "",
        "always, after a delay that grows (backoff)",
        value=False,
        becomes=(Becomes.NOTHING, Becomes.NOTE),
    ),
    Option(
        "--respawn-interval",
        "",
        "it grows with each failure",
        becomes=Becomes.NOTE,
    ),
    Option(
        "--workers-lifetime",
        "",
        NOT_YET,
        becomes=Becomes.QUESTION,
    ),
    Option("--workers-max-rss", "--workers-max-rss", "in MiB, as with granian"),
    Option(
        "--rss-samples, --rss-sample-interval",
        "",
        "memory is looked at once a second",
        becomes=Becomes.NOTE,
    ),
    Option(
        "--ws, --no-ws",
        "",
        "always",
        value=False,
        becomes=(Becomes.NOTHING, Becomes.QUESTION),
    ),
    Option(
        "--http, --http1-buffer-size",
        "",
        "HTTP/1.1 by uvicorn's protocol",
        becomes=Becomes.NOTHING,
    ),
    Option(
        "--http1-header-read-timeout",
        "--handshake-timeout",
        becomes=Becomes.QUESTION,
    ),
    Option(
        "--http1-keep-alive, --no-http1-keep-alive, --http1-pipeline-flush, "
        "--no-http1-pipeline-flush",
        "",
        "always",
        value=False,
        becomes=(Becomes.NOTHING, Becomes.NOTE, Becomes.NOTHING, Becomes.NOTHING),
    ),
    Option(
        "--http2-adaptive-window, --no-http2-adaptive-window",
        "",
        "HTTP/2 is not served; browsers can speak it with the proxy in front",
        value=False,
        becomes=Becomes.NOTE,
    ),
    Option(
        "--http2-initial-connection-window-size, --http2-initial-stream-window-size, "
        "--http2-keep-alive-interval, --http2-keep-alive-timeout, "
        "--http2-max-concurrent-streams, --http2-max-frame-size, --http2-max-headers-size, "
        "--http2-max-send-buffer-size",
        "",
        "HTTP/2 is not served; browsers can speak it with the proxy in front",
        becomes=Becomes.NOTE,
    ),
    Option(
        "--blocking-threads",
        "",
        "use the setting `WEBSOCKET_SYNC_THREADS`",
        becomes=Becomes.NOTE,
    ),
    Option(
        "--blocking-threads-idle-timeout, --runtime-threads, --runtime-blocking-threads, "
        "--runtime-mode, --task-impl, --loop, --backpressure, --backlog",
        "",
        "not needed",
        becomes=Becomes.NOTHING,
    ),
    Option(
        "--static-path-mount, --static-path-route, --static-path-dir-to-file, "
        "--static-path-expires",
        "",
        "static files are served with DEBUG; otherwise by the web server in front",
        becomes=Becomes.QUESTION,
    ),
    Option(
        "--metrics-address, --metrics-port",
        "--metrics HOST:PORT",
        "see [Metrics and logs](metrics.md)",
        becomes=Becomes.QUESTION,
    ),
    Option(
        "--metrics-scrape-interval",
        "",
        "workers are asked at each request",
        becomes=Becomes.NOTE,
    ),
    Option(
        "--no-metrics",
        "",
        "that is the default",
        value=False,
        becomes=Becomes.NOTHING,
    ),
    Option(
        "--interface, --env-files, --working-dir, --process-name, --pid-file",
        "",
        "Django's settings, and what starts the server",
        becomes=(
            Becomes.INTERFACE,
            Becomes.QUESTION,
            Becomes.QUESTION,
            Becomes.NOTE,
            Becomes.QUESTION,
        ),
    ),
    Option(
        "--factory, --no-factory",
        "",
        "the application is `ASGI_APPLICATION`, not a factory",
        value=False,
        becomes=(Becomes.QUESTION, Becomes.NOTHING),
    ),
)
