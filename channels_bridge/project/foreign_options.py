"""The options of other servers, and what they are called here: data, without a program.

``migration_guide/command.md`` shows these tables, row by row; ``foreign_command_line`` answers from
them where somebody gives such an option to ``websockets_server``.
"""

from __future__ import annotations

from typing import NamedTuple


class Option(NamedTuple):
    """One row: options of another server that are alike, and what takes their place.

    Attributes:
        theirs: the names of options that are alike, with commas; empty where only we have one.
        ours: what takes their place, as it is written; empty where nothing does.
        remark: what there is to say; with the guide's markup.
        value: whether theirs take a value.
    """

    theirs: str
    ours: str
    remark: str = ""
    value: bool = True


_TLS = "Python's defaults; for client certificates, use a proxy in front"
_SETTINGS = "Django's settings"
_LOGGING = "use the setting `LOGGING`"
_STARTS = "left to what starts the server: systemd, a container, supervisor"
_NOT_YET = "there is nothing like it yet"

#: By the name of the server, in the order in which they are thought of.
SERVERS: dict[str, tuple[Option, ...]] = {
    "Daphne": (
        Option(
            "-b, --bind, -p, --port",
            "-b HOST:PORT",
            "repeatable; by default the sockets that systemd passed, or 127.0.0.1:8000, as with "
            "Daphne",
        ),
        Option("-u, --unix-socket", "-b unix:/path"),
        Option("--fd", "-b fd:N"),
        Option("-e, --endpoint", "-b", "repeatable; for TLS, `--ssl-certfile`"),
        Option("", "-w N", "worker processes; 0 is one per core"),
        Option("", "--reload", "restart workers when a file changes"),
        Option("", "--no-http", "serve WebSockets only"),
        Option("--websocket_connect_timeout", "--handshake-timeout", "10 s, where Daphne's is 5 s"),
        Option(
            "--websocket_timeout", "", "there is no limit to a connection's life; Daphne's is a day"
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
            "--idle-timeout, --max-connections-per-address, --max-connection-rate, "
            "--max-message-rate",
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
            "--websocket-max-message-size",
            "--max-message-size",
            "1 MiB, as with Daphne; 0 is no limit",
        ),
        Option("--websocket-max-frame-size", "", "the limit on messages covers frames"),
        Option("--root-path", "--root-path", "works whether or not the proxy strips the prefix"),
        Option(
            "--proxy-headers",
            "--forwarded-allow-ips",
            "Daphne trusts every peer; here, name those to trust",
            value=False,
        ),
        Option(
            "--proxy-headers-host, --proxy-headers-port",
            "",
            "always X-Forwarded-For and X-Forwarded-Proto",
        ),
        Option(
            "--access-log",
            "",
            "written by default, to the logger `channels_bridge.access`, without query strings; "
            "`--no-access-log` turns it off",
        ),
        Option("-s, --server-name", "--server-name", "no header by default"),
        Option("--no-server-name", "", "that is the default", value=False),
        Option(
            "-t, --http-timeout",
            "",
            "no limit, as by default with Daphne; a proxy in front can set one",
        ),
        Option("-v, --verbosity, --log-fmt", "", _LOGGING),
    ),
    "uvicorn": (
        Option("--host, --port", "-b HOST:PORT"),
        Option("--uds", "-b unix:/path"),
        Option("--fd", "-b fd:N"),
        Option("--workers", "-w N"),
        Option(
            "--reload",
            "--reload",
            "the loaded files are watched, as with `runserver`",
            value=False,
        ),
        Option(
            "--reload-dir, --reload-include, --reload-exclude, --reload-delay",
            "",
            "the loaded files are watched",
        ),
        Option("--ws-max-size", "--max-message-size", "1 MiB, where uvicorn's is 16 MiB"),
        Option("--ws-max-queue", "", "reading pauses at 16 messages"),
        Option("--ws-ping-interval", "--ping-interval", "20 s, as with uvicorn"),
        Option("--ws-ping-timeout", "--ping-timeout", "20 s, as with uvicorn"),
        Option(
            "--ws-per-message-deflate",
            "--no-compression",
            "messages from 1 KiB on, without context takeover",
        ),
        Option(
            "--proxy-headers, --no-proxy-headers",
            "--forwarded-allow-ips",
            "no peer is trusted unless named",
            value=False,
        ),
        Option(
            "--forwarded-allow-ips",
            "--forwarded-allow-ips",
            "uvicorn trusts 127.0.0.1 and ::1; here, no peer unless named",
        ),
        Option("--root-path", "--root-path", "added to the path unless it is there already"),
        Option("--access-log", "", "that is the default", value=False),
        Option("--no-access-log", "--no-access-log", value=False),
        Option(
            "--server-header, --no-server-header",
            "--server-name",
            "no header by default",
            value=False,
        ),
        Option("--date-header, --no-date-header", "", "always sent with pages", value=False),
        Option(
            "--timeout-graceful-shutdown",
            "--shutdown-timeout",
            "10 s, where uvicorn waits for ever",
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
        Option("--ssl-version, --ssl-cert-reqs, --ssl-ca-certs, --ssl-ciphers", "", _TLS),
        Option(
            "--loop, --http, --ws",
            "",
            "uvloop where it is installed; one engine for WebSockets, httptools for pages",
        ),
        Option(
            "--http2", "", "not served; browsers can speak it with the proxy in front", value=False
        ),
        Option(
            "--lifespan, --interface, --app-dir",
            "",
            "detected; the application is `ASGI_APPLICATION`",
        ),
        Option(
            "--factory", "", "the application is `ASGI_APPLICATION`, not a factory", value=False
        ),
        Option("--env-file", "", _SETTINGS),
        Option("--log-config, --log-level", "", _LOGGING),
        Option("--use-colors, --no-use-colors", "", _LOGGING, value=False),
        Option("--header", "", "write a middleware"),
        Option("--limit-concurrency", "--max-connections", "503, as with uvicorn; off by default"),
        Option("--limit-max-requests, --limit-max-requests-jitter", "", _NOT_YET),
        Option("--backlog", "", "2048, as with uvicorn"),
        Option("--h11-max-incomplete-event-size", "", "the head of a request may be 64 KiB long"),
        Option(
            "--reset-contextvars",
            "",
            "not needed for consumers: each connection has a context of its own",
            value=False,
        ),
    ),
    "gunicorn": (
        Option("-b, --bind", "-b HOST:PORT", "the same forms, but for `fd://N`, which is `fd:N`"),
        Option("-w, --workers", "-w N"),
        Option("-k, --worker-class", "", "asyncio, with uvloop where it is installed"),
        Option("--threads", "", "use the setting `WEBSOCKET_SYNC_THREADS`"),
        Option("--reload", "--reload", value=False),
        Option(
            "--reload-engine, --reload-extra-file",
            "",
            "the loaded files are watched",
        ),
        Option(
            "-t, --timeout",
            "--worker-timeout",
            "30 s, as with gunicorn: for a worker that is stuck",
        ),
        Option("--graceful-timeout", "--shutdown-timeout", "10 s, where gunicorn's is 30 s"),
        Option("--keep-alive", "--keep-alive-timeout", "75 s, where gunicorn's is 2 s"),
        Option("--worker-connections", "--max-connections", "for all workers together"),
        Option("--max-requests, --max-requests-jitter", "", _NOT_YET),
        Option(
            "--limit-request-line, --limit-request-fields, --limit-request-field_size",
            "",
            "the head of a request may be 64 KiB long",
        ),
        Option("--backlog", "", "2048, as with gunicorn"),
        Option("--certfile", "--ssl-certfile"),
        Option("--keyfile", "--ssl-keyfile"),
        Option("--ssl-version, --cert-reqs, --ca-certs, --ciphers", "", _TLS),
        Option("--forwarded-allow-ips", "--forwarded-allow-ips", "no peer is trusted unless named"),
        Option("--root-path", "--root-path"),
        Option(
            "--access-logfile",
            "",
            "written by default; the setting `LOGGING` says where to",
        ),
        Option("--access-logformat", "--access-log-format", "`text`, `json` or a template"),
        Option(
            "--error-logfile, --log-file, --log-level, --log-config, --log-config-json, "
            "--logger-class, --log-syslog-to, --log-syslog-prefix, --log-syslog-facility",
            "",
            _LOGGING,
        ),
        Option("--capture-output, --log-syslog", "", _LOGGING, value=False),
        Option("--websocket-max-message-size", "--max-message-size", "1 MiB"),
        Option("--asgi-loop, --asgi-lifespan, --http-parser", "", "detected"),
        Option(
            "--asgi-disconnect-grace-period",
            "--close-timeout",
            "10 s, for WebSockets",
        ),
        Option(
            "--http-protocols, --http2-cleartext, --http2-max-concurrent-streams, "
            "--http2-initial-window-size, --http2-max-frame-size, --http2-max-header-list-size",
            "",
            "HTTP/2 is not served; browsers can speak it with the proxy in front",
        ),
        Option("--proxy-protocol", "", "use X-Forwarded-For and X-Forwarded-Proto"),
        Option(
            "--reuse-port",
            "",
            "one process accepts connections and balances them over the workers",
            value=False,
        ),
        Option("--check-config, --print-config", "", "`manage.py check`", value=False),
        Option(
            "-c, --config, --chdir, -e, --env, -p, --pid, -u, --user, -g, --group, -m, --umask, "
            "--worker-tmp-dir",
            "",
            _STARTS,
        ),
        Option(
            "-n, --name", "", "`ps` shows `ASGI_APPLICATION`; see [Seeing](deployment.md#seeing)"
        ),
        Option("-D, --daemon", "", _STARTS, value=False),
        Option("--preload", "", "each worker loads the application itself", value=False),
        Option(
            "--statsd-host, --statsd-prefix",
            "--metrics",
            "for Prometheus, whose format other systems read, too",
        ),
    ),
    "hypercorn": (
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
        Option("--ca-certs, --cert-reqs, --verify-mode, --ciphers", "", _TLS),
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
        Option("--error-log, --error-logfile, --log-file, --log-config, --log-level", "", _LOGGING),
        Option("--debug", "", _SETTINGS, value=False),
        Option("--keep-alive", "--keep-alive-timeout", "75 s, where hypercorn's is 5 s"),
        Option("--read-timeout", "--handshake-timeout", "for each request's head"),
        Option("--max-requests, --max-requests-jitter", "", _NOT_YET),
        Option("--backlog", "", "2048"),
        Option("-c, --config, -p, --pid, -u, --user, -g, --group, -m, --umask", "", _STARTS),
        Option("-D, --daemon", "", _STARTS, value=False),
        Option(
            "--statsd-host, --statsd-prefix",
            "--metrics",
            "for Prometheus, whose format other systems read, too",
        ),
    ),
    "granian": (
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
        Option("--ssl-ca, --ssl-crl, --ssl-protocol-min", "", _TLS),
        Option("--ssl-client-verify, --no-ssl-client-verify", "", _TLS, value=False),
        Option("--url-path-prefix", "--root-path"),
        Option("--access-log", "", "that is the default", value=False),
        Option("--no-access-log", "--no-access-log", value=False),
        Option("--access-log-fmt", "--access-log-format", "`text`, `json` or a template"),
        Option("--log, --no-log", "", _LOGGING, value=False),
        Option("--log-config, --log-level", "", _LOGGING),
        Option("--workers-kill-timeout", "--shutdown-timeout"),
        Option(
            "--respawn-failed-workers, --no-respawn-failed-workers",
            "",
            "always, after a delay that grows (backoff)",
            value=False,
        ),
        Option("--respawn-interval", "", "it grows with each failure"),
        Option(
            "--workers-lifetime, --workers-max-rss, --rss-samples, --rss-sample-interval",
            "",
            _NOT_YET,
        ),
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
            "see [Seeing](deployment.md#seeing)",
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
    ),
    "runserver": (
        Option("--noreload", "", "without `--reload` nothing is watched", value=False),
        Option("--nothreading, --noasgi", "", "our `runserver` has it, too", value=False),
        Option("-6, --ipv6", "-b [::1]:8000", value=False),
        Option(
            "--nostatic, --insecure",
            "",
            "static files are served with DEBUG; otherwise by the web server in front",
            value=False,
        ),
        Option("--http_timeout", "", "our `runserver` has it, too"),
        Option("--websocket_handshake_timeout", "--handshake-timeout", "10 s"),
    ),
}
