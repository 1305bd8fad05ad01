"""Options of gunicorn, and what they are called here."""

from __future__ import annotations

from channels_bridge.project.foreign.option import LOGGING, STARTS, TLS, Becomes, Option

GUNICORN = (
    Option(
        "-b, --bind",
        "-b HOST:PORT",
        "the same forms, but for `fd://N`, which is `fd:N`",
        becomes=Becomes.ADDRESS,
    ),
    Option("-w, --workers", "-w N"),
    Option(
        "-k, --worker-class",
        "",
        "asyncio, with uvloop where it is installed",
        becomes=Becomes.WORKER_CLASS,
    ),
    Option(
        "--threads",
        "",
        "use the setting `WEBSOCKET_SYNC_THREADS`",
        becomes=Becomes.NOTE,
    ),
    Option("--reload", "--reload", value=False),
    Option(
        "--reload-engine, --reload-extra-file",
        "",
        "the loaded files are watched",
        becomes=Becomes.NOTE,
    ),
    Option(
        "-t, --timeout", "--worker-timeout", "30 s, as with gunicorn: for a worker that is stuck"
    ),
    Option("--graceful-timeout", "--shutdown-timeout", "10 s, where gunicorn's is 30 s"),
    Option("--keep-alive", "--keep-alive-timeout", "75 s, where gunicorn's is 2 s"),
    Option(
        "--worker-connections",
        "--max-connections",
        "for all workers together",
        becomes=Becomes.QUESTION,
    ),
    Option("--max-requests", "--max-requests", "a worker is replaced as in a reload"),
    Option("--max-requests-jitter", "--max-requests-jitter"),
    Option(
        "--limit-request-line, --limit-request-fields, --limit-request-field_size",
        "",
        "the head of a request may be 64 KiB long",
        becomes=Becomes.NOTE,
    ),
    Option(
        "--backlog",
        "",
        "2048, as with gunicorn",
        becomes=Becomes.NOTHING,
    ),
    Option("--certfile", "--ssl-certfile"),
    Option("--keyfile", "--ssl-keyfile"),
    Option(
        "--ssl-version, --cert-reqs, --ca-certs, --ciphers",
        "",
        TLS,
        becomes=Becomes.QUESTION,
    ),
    Option("--forwarded-allow-ips", "--forwarded-allow-ips", "no peer is trusted unless named"),
    Option("--root-path", "--root-path"),
    Option(
        "--access-logfile",
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
        "--error-logfile, --log-file, --log-level, --log-config, --log-config-json, "
        "--logger-class, --log-syslog-to, --log-syslog-prefix, --log-syslog-facility",
        "",
        LOGGING,
        becomes=(
            Becomes.OUTPUT,
            Becomes.OUTPUT,
            Becomes.NOTE,
            Becomes.QUESTION,
            Becomes.QUESTION,
            Becomes.QUESTION,
            Becomes.QUESTION,
            Becomes.QUESTION,
            Becomes.QUESTION,
        ),
    ),
    Option(
        "--capture-output, --log-syslog",
        "",
        LOGGING,
        value=False,
        becomes=(Becomes.NOTHING, Becomes.QUESTION),
    ),
    Option("--websocket-max-message-size", "--max-message-size", "1 MiB"),
    Option(
        "--asgi-loop, --asgi-lifespan, --http-parser",
        "",
        "detected",
        becomes=Becomes.NOTHING,
    ),
    Option("--asgi-disconnect-grace-period", "--close-timeout", "10 s, for WebSockets"),
    Option(
        "--http-protocols, --http2-cleartext, --http2-max-concurrent-streams, "
        "--http2-initial-window-size, --http2-max-frame-size, --http2-max-header-list-size",
        "",
        "HTTP/2 is not served; browsers can speak it with the proxy in front",
        becomes=Becomes.QUESTION,
    ),
    Option(
        "--proxy-protocol",
        "",
        "use X-Forwarded-For and X-Forwarded-Proto",
        becomes=Becomes.QUESTION,
    ),
    Option(
        "--reuse-port",
        "",
        "one process accepts connections and balances them over the workers",
        value=False,
        becomes=Becomes.NOTHING,
    ),
    Option(
        "--check-config, --print-config",
        "",
        "`manage.py check`",
        value=False,
        becomes=Becomes.QUESTION,
    ),
    Option(
        "-c, --config, --chdir, -e, --env, -p, --pid, -u, --user, -g, --group, -m, --umask, "
        "--worker-tmp-dir",
        "",
        STARTS,
        becomes=(
            Becomes.QUESTION,
            Becomes.QUESTION,
            Becomes.QUESTION,
            Becomes.QUESTION,
            Becomes.QUESTION,
            Becomes.QUESTION,
            Becomes.QUESTION,
            Becomes.QUESTION,
            Becomes.QUESTION,
            Becomes.QUESTION,
            Becomes.QUESTION,
            Becomes.QUESTION,
            Becomes.QUESTION,
            Becomes.NOTHING,
        ),
    ),
    Option(
        "-n, --name",
        "",
        "`ps` shows `ASGI_APPLICATION`; see [Metrics and logs](metrics.md)",
        becomes=Becomes.NOTE,
    ),
    Option(
        "-D, --daemon",
        "",
        STARTS,
        value=False,
        becomes=Becomes.QUESTION,
    ),
    Option(
        "--preload",
        "",
        "each worker loads the application itself",
        value=False,
        becomes=Becomes.NOTE,
    ),
    Option(
        "--statsd-host, --statsd-prefix",
        "--metrics",
        "for Prometheus, whose format other systems read, too",
        becomes=Becomes.QUESTION,
    ),
)
