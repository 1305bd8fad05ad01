"""Translates the options of another server's command, by the tables of the guide."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from channels_bridge.migrate.commands.foreign_address import Endpoint, NotCertain, addresses
from channels_bridge.migrate.commands.given_options import Given, Value
from channels_bridge.migrate.commands.invocation import Invocation, is_known_worker
from channels_bridge.project.foreign.foreign_command_line import plain_remark
from channels_bridge.project.foreign.option import Becomes

#: Values of options that otherwise make no difference, and with these do: uvloop is taken here
#: where it is installed, and somebody who names asyncio may have a reason.
_DIFFERENT = {
    "--ws": ("none",),
    "--http": ("2", "h11"),
    "--lifespan": ("on",),
    "--loop": ("asyncio",),
    "-k": ("asyncio", "trio"),
    "--worker-class": ("asyncio", "trio"),
}

_FALSE, _TRUE = ("false", "0", "no", "off", "f", "n"), ("true", "1", "yes", "on", "t", "y")

#: Where other servers listen that are not told, and we, unless the environment says otherwise.
DEFAULT = "127.0.0.1:8000"

_LOOPBACK = re.compile(r"(127\.[\d.]+|localhost|\[::1\]):[^:]+")
_IPV4 = re.compile(r"[\d.]+:[^:]+")


@dataclass(frozen=True)
class Argument:
    """An option of ours, and what is given to it."""

    name: str
    value: Value | None = None


@dataclass(frozen=True)
class Doubt:
    """Why a command can't be written anew for certain, or what it loses.

    Attributes:
        text: a sentence's part, without a full stop.
        option: the option of theirs that it is about; empty where it is about none.
        about_trust: whether it is about whose headers are believed.
    """

    text: str
    option: str = ""
    about_trust: bool = False


@dataclass
class Translation:
    """Our command's options.

    Attributes:
        arguments: in the order of theirs, addresses first.
        notes: what is dropped, and somebody has to know.
        doubts: what somebody has to decide first; without any, the translation is certain.
    """

    arguments: list[Argument] = field(default_factory=list)
    notes: list[Doubt] = field(default_factory=list)
    doubts: list[Doubt] = field(default_factory=list)


def translate(command: Invocation, *, trusted: str = "", workers: int | None = None) -> Translation:
    """Say what a command's options are here.

    Args:
        command: what was found.
        trusted: whom a proxy's headers are believed from where the command's socket is one that
            somebody else opened; empty if that isn't known.
        workers: how many are wanted, whatever the command says.
    """
    result = Translation()
    _add_addresses(command, result)
    for given in command.given:
        _add(given, result, workers)
    _add_trust(command, result, trusted)
    if workers is not None:
        result.arguments.append(Argument("-w", Value.plain(str(workers))))
    for text in command.unknown:
        result.doubts.append(Doubt(f"`{text}` is not known here", text))
    if command.server == "gunicorn" and not command.option(Becomes.WORKER_CLASS):
        result.doubts.append(Doubt("the class of its workers is named somewhere else, if at all"))
    if command.wrapper:
        result.doubts.append(Doubt(f"what `{command.wrapper}` does with a command is not known"))
    return result


def _add_addresses(command: Invocation, result: Translation) -> None:
    try:
        found = addresses(command)
        for given in command.option(Becomes.ENDPOINT):
            _add_certificate(Endpoint(given), len(found), result)
    except NotCertain as doubt:
        result.doubts.append(Doubt(str(doubt)))
        return
    if not found and command.server != "gunicorn":  # which reads PORT, as we do
        found = [Value.plain(DEFAULT)]
    result.arguments[:0] = [Argument("-b", value) for value in found]


def _add_certificate(endpoint: Endpoint, listeners: int, result: Translation) -> None:
    if (files := endpoint.certificate) is None:
        return
    if listeners > 1:
        raise NotCertain("here a certificate is for all addresses, there for one of them")
    certificate, key = files
    result.arguments.append(Argument("--ssl-certfile", certificate))
    result.arguments.append(Argument("--ssl-keyfile", key))


def _add(given: Given, result: Translation, workers: int | None) -> None:
    """Add what one option becomes."""
    if given.option is None:
        return  # it is among what is unknown
    match given.option.becomes_of(given.name):
        case Becomes.OURS:
            name = given.option.ours.split()[0].rstrip(",")
            if name != "-w" or workers is None:
                result.arguments.append(Argument(name, given.value))
                if given.value and given.value.raw is None:
                    result.doubts.append(_doubt(given))
        case Becomes.NOTE:
            result.notes.append(_doubt(given))
        case Becomes.QUESTION:
            result.doubts.append(_doubt(given))
        case Becomes.SWITCH:
            _add_switch(given, result)
        case kind if _matters(kind, given):
            result.doubts.append(_doubt(given))


def _matters(kind: Becomes, given: Given) -> bool:
    """Whether an option that mostly makes no difference makes one with this value."""
    text = given.value.text if given.value else ""
    match kind:
        case Becomes.NOTHING:
            return text in _DIFFERENT.get(given.name, ())
        case Becomes.OUTPUT:
            return text not in ("-", "/dev/stdout", "/dev/stderr")
        case Becomes.WORKER_CLASS:
            return not is_known_worker(text) or "H11" in text  # which is asyncio's loop, too
        case Becomes.INTERFACE:
            return text not in ("asgi", "asgi3", "asginl", "auto")
    return False


def _doubt(given: Given) -> Doubt:
    assert given.option is not None
    written = given.name + (f" {given.value.text}" if given.value else "")
    ours = f"`{given.option.ours}` is the nearest" if given.option.ours else ""
    text = "; ".join(filter(None, [plain_remark(given.option), ours]))
    return Doubt(f"`{written}`: {text}", given.name)


def _add_switch(given: Given, result: Translation) -> None:
    assert given.option is not None and given.value is not None
    if given.value.text.lower() in _FALSE:
        result.arguments.append(Argument(given.option.ours))
    elif given.value.text.lower() not in _TRUE:
        result.doubts.append(_doubt(given))


def _add_trust(command: Invocation, result: Translation, trusted: str) -> None:
    if any(argument.name == "--forwarded-allow-ips" for argument in result.arguments):
        return
    binds = [one.value.text for one in result.arguments if one.name == "-b" and one.value]
    if command.option(Becomes.TRUST_ALL):
        whom = ",".join(dict.fromkeys(trusted or peer(bind) for bind in binds or [DEFAULT]))
        if "?" in whom:
            result.doubts.append(Doubt(WHOM, "--proxy-headers", about_trust=True))
            return
    elif _trusts_local(command):
        whom = ",".join(dict.fromkeys(_local_peers(binds or [DEFAULT])))
    else:
        return
    if whom:
        result.arguments.append(Argument("--forwarded-allow-ips", Value.plain(whom)))


WHOM = (
    "`--proxy-headers` of Daphne believes whoever connects; here `--forwarded-allow-ips` names "
    "whom to believe: the proxy's address or network, `unix` behind a unix socket, `'*'` where "
    "only a platform's own proxy can connect"
)


def peer(bind: str) -> str:
    """Return who alone can connect to an address, as ``--forwarded-allow-ips`` has it, or ``?``."""
    if bind.startswith("unix:"):
        return "unix"
    if not _LOOPBACK.fullmatch(bind):
        return "?"
    host = bind.rpartition(":")[0]
    return {"localhost": "127.0.0.1,::1", "[::1]": "::1"}.get(host, "127.0.0.1")


def _trusts_local(command: Invocation) -> bool:
    """Whether the headers of proxies on this machine are believed, as uvicorn does by default."""
    if command.server not in ("uvicorn", "gunicorn") or command.option(Becomes.TRUST_NONE):
        return False
    reloads = any(given.name == "--reload" for given in command.given)
    classes = [given.value.text for given in command.option(Becomes.WORKER_CLASS) if given.value]
    return "asgi" not in classes and (not reloads or bool(command.option(Becomes.TRUST_LOCAL)))


def _local_peers(binds: list[str]) -> Iterator[str]:
    """Yield the loopback addresses that can connect to some addresses."""
    for bind in binds:
        if bind.startswith(("unix:", "fd:")):
            continue
        yield "127.0.0.1" if _IPV4.fullmatch(bind) else "127.0.0.1,::1"
