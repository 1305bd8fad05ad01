"""The rules about start commands, with what ``--explain`` says of them."""

from __future__ import annotations

from channels_bridge.migrate.model.rule import Rule, Severity

_REWRITTEN = (
    "The command becomes `manage.py websockets_server` with the options that the guide's table "
    "names. It is rewritten where each option is known, manage.py stands where the application's "
    "module does, ASGI_APPLICATION names that application, and nothing else is left to decide; "
    "variables such as $PORT stay as they are. Otherwise it is proposed as text."
)

CB201 = Rule("CB201", Severity.WARNING, "Daphne is started", _REWRITTEN, "command.md#from-daphne")
CB202 = Rule("CB202", Severity.WARNING, "uvicorn is started", _REWRITTEN, "command.md#from-uvicorn")
CB203 = Rule(
    "CB203",
    Severity.WARNING,
    "gunicorn is started with workers for ASGI",
    _REWRITTEN + "\n\nA configuration in Python (`-c`, gunicorn.conf.py) is not read.",
    "command.md#from-gunicorn",
)
CB204 = Rule(
    "CB204", Severity.WARNING, "hypercorn is started", _REWRITTEN, "command.md#from-hypercorn"
)
CB205 = Rule("CB205", Severity.WARNING, "granian is started", _REWRITTEN, "command.md#from-granian")
CB206 = Rule(
    "CB206",
    Severity.WARNING,
    "an option has no counterpart",
    "The option of the other server does nothing here, or nothing that is the same. Those that "
    "change how verbose the server is, or tune what does not exist here, are left out of the new "
    "command. With the others the command is only proposed: leave them out, or replace what they "
    "did.",
    "command.md#the-commands-and-other-servers-options",
)
CB207 = Rule(
    "CB207",
    Severity.WARNING,
    "the headers of every proxy are believed",
    "With `--proxy-headers` Daphne takes a client's address and scheme from X-Forwarded-For and "
    "X-Forwarded-Proto of whoever connects. Here `--forwarded-allow-ips` names whose headers are "
    "believed, and without it they are not. Behind a unix socket that is `unix`, and at an address "
    "of this machine alone 127.0.0.1, which the new command says. Otherwise name the proxy's "
    "address or network, or '*' where only a platform's own proxy can connect.",
    "command.md#from-daphne",
)
CB208 = Rule(
    "CB208",
    Severity.WARNING,
    "TLS is part of an endpoint's description",
    "`-e ssl:443:privateKey=…:certKey=…` of Daphne is an address, `-b`, and two files here, "
    "`--ssl-certfile` and `--ssl-keyfile`, which are for all addresses of the server.",
    "command.md#from-daphne",
)
CB209 = Rule(
    "CB209",
    Severity.WARNING,
    "supervisor starts several processes for one socket",
    "One server with workers takes the place of `numprocs` processes: it balances connections over "
    "its workers, reloads without dropping any, and has one hub for its groups. As it closes its "
    "connections in order, `stopwaitsecs` has to be longer than that takes.",
    "systemd.md#supervisor",
)
CB210 = Rule(
    "CB210",
    Severity.ADVICE,
    "several servers of one application listen on ports of their own",
    "One server with `-w N` takes their place, on one port: the proxy then needs one address.",
    "sizing.md#workers",
)
CB211 = Rule(
    "CB211",
    Severity.ADVICE,
    "a unit of systemd could tell more of the server",
    "With Type=notify, `systemctl start` returns once the server serves. KillMode=mixed lets the "
    "supervisor end the other processes in order, for which TimeoutStopSec has to be long enough; "
    "ExecReload starts new workers without refusing anybody; LimitNOFILE is the most connections.",
    "systemd.md#systemd",
)
CB212 = Rule(
    "CB212",
    Severity.WARNING,
    "a shell stands between the server and its signals",
    "A container stops by a signal to its first process. Where that is a shell which has not "
    "handed over by `exec`, the server gets none and is killed when the time is up, with all its "
    "connections.",
    "docker.md#the-image",
)
CB213 = Rule(
    "CB213",
    Severity.WARNING,
    "the command does not run where manage.py is",
    "The server is a command of manage.py. Name its path, `python path/manage.py`, change the "
    "directory before, or use `channels-bridge serve` with `--pythonpath`.",
    "command.md#the-commands-and-other-servers-options",
)
CB214 = Rule(
    "CB214",
    Severity.WARNING,
    "something looks for the server's process by its name",
    "Processes of this server are called `python` and have `websockets_server` in their command "
    "lines. Use `--metrics` with /healthz or `manage.py websockets_status`, or look for that.",
    "metrics.md#metrics-and-logs",
)
CB603 = Rule(
    "CB603",
    Severity.ADVICE,
    "a page or a workflow names the old command",
    "Documentation is never rewritten.",
    "command.md#the-commands-and-other-servers-options",
)

#: By the name of the server.
STARTS = {
    "Daphne": CB201,
    "uvicorn": CB202,
    "gunicorn": CB203,
    "hypercorn": CB204,
    "granian": CB205,
}
