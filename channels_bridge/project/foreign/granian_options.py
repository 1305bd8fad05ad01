"""Options of granian, and what they are called here."""

from __future__ import annotations

from channels_bridge.project.foreign.option import LOGGING, NOT_YET, TLS, Option

GRANIAN = (
    Option("--host, --port", "-b HOST:PORT"),
    Option("--uds", "-b unix:/path"),
    Option("--uds-permissions", "", "0666, as with Daphne and uvicorn"),
    Option("--workers", "-w N"),
    Option("--reload", "--reload", value=False),
    Option("--no-reload", "", "that is the default", value=False),
    Option(
        "--reload-paths, --reload-ignore-dirs, --reload-ignore-patterns, "
        "--reload-ignore-paths, --reload-tick",
        "",
        "the loaded files are watched",
    ),
    Option(
        "--reload-ignore-worker-failure, --no-reload-ignore-worker-failure",
        "",
        "always: with `--reload` a worker that fails is started again",
        value=False,
    ),
    Option("--ssl-certificate", "--ssl-certfile"),
    Option("--ssl-keyfile", "--ssl-keyfile"),
    Option("--ssl-keyfile-password", "--ssl-keyfile-password"),
    Option("--ssl-ca, --ssl-crl, --ssl-protocol-min", "", TLS),
    Option("--ssl-client-verify, --no-ssl-client-verify", "", TLS, value=False),
    Option("--url-path-prefix", "--root-path"),
    Option("--access-log", "", "that is the default", value=False),
    Option("--no-access-log", "--no-access-log", value=False),
    Option("--access-log-fmt", "--access-log-format", "`text`, `json` or a template"),
    Option("--log, --no-log", "", LOGGING, value=False),
    Option("--log-config, --log-level", "", LOGGING),
    Option("--workers-kill-timeout", "--shutdown-timeout"),
    Option(
        "--respawn-failed-workers, --no-respawn-failed-workers",
        "",
        "always, after a delay that grows (backoff)",
        value=False,
    ),
    Option("--respawn-interval", "", "it grows with each failure"),
    Option("--workers-lifetime", "", NOT_YET),
    Option("--workers-max-rss", "--workers-max-rss", "in MiB, as with granian"),
    Option("--rss-samples, --rss-sample-interval", "", "memory is looked at once a second"),
    Option("--ws, --no-ws", "", "always", value=False),
    Option("--http, --http1-buffer-size", "", "HTTP/1.1 by uvicorn's protocol"),
    Option("--http1-header-read-timeout", "--handshake-timeout"),
    Option(
        "--http1-keep-alive, --no-http1-keep-alive, --http1-pipeline-flush, "
        "--no-http1-pipeline-flush",
        "",
        "always",
        value=False,
    ),
    Option(
        "--http2-adaptive-window, --no-http2-adaptive-window",
        "",
        "HTTP/2 is not served; browsers can speak it with the proxy in front",
        value=False,
    ),
    Option(
        "--http2-initial-connection-window-size, --http2-initial-stream-window-size, "
        "--http2-keep-alive-interval, --http2-keep-alive-timeout, "
        "--http2-max-concurrent-streams, --http2-max-frame-size, --http2-max-headers-size, "
        "--http2-max-send-buffer-size",
        "",
        "HTTP/2 is not served; browsers can speak it with the proxy in front",
    ),
    Option("--blocking-threads", "", "use the setting `WEBSOCKET_SYNC_THREADS`"),
    Option(
        "--blocking-threads-idle-timeout, --runtime-threads, --runtime-blocking-threads, "
        "--runtime-mode, --task-impl, --loop, --backpressure, --backlog",
        "",
        "not needed",
    ),
    Option(
        "--static-path-mount, --static-path-route, --static-path-dir-to-file, "
        "--static-path-expires",
        "",
        "static files are served with DEBUG; otherwise by the web server in front",
    ),
    Option(
        "--metrics-address, --metrics-port",
        "--metrics HOST:PORT",
        "see [Metrics and logs](metrics.md)",
    ),
    Option("--metrics-scrape-interval", "", "workers are asked at each request"),
    Option("--no-metrics", "", "that is the default", value=False),
    Option(
        "--interface, --env-files, --working-dir, --process-name, --pid-file",
        "",
        "Django's settings, and what starts the server",
    ),
    Option(
        "--factory, --no-factory",
        "",
        "the application is `ASGI_APPLICATION`, not a factory",
        value=False,
    ),
)
