"""The addresses of a command of another server, in the form that ``-b`` has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv6Address

from channels_bridge.migrate.commands.given_options import Given, Value
from channels_bridge.migrate.commands.invocation import Invocation
from channels_bridge.project.foreign.option import Becomes

LOCAL = Value.plain("127.0.0.1")
ANYWHERE = Value.plain("0.0.0.0")
DEFAULT_PORT = Value.plain("8000")

#: What stands for a text that only the running system knows, such as ``$PORT`` and ``%i``.
VARIABLE = r"(?:\$\w+|\$\{[^{}\s]*\}|\$\([^()\s]*\)|%\(\w+\)\d*[sd]|%[A-Za-z])"
_HOST = re.compile(rf"\[?(?:[\w.:-]|{VARIABLE})+\]?", re.ASCII)
_NAME = re.compile(rf"(?:[\w.-]|{VARIABLE})+", re.ASCII)
_PORT = re.compile(rf"(?:\d{{1,5}}|(?:\d|{VARIABLE})+)", re.ASCII)
_PATH = re.compile(rf"(?:[\w./@+-]|{VARIABLE})+", re.ASCII)
_NUMBER = re.compile(rf"(?:\d+|{VARIABLE})", re.ASCII)


class NotCertain(ValueError):
    """It can't be said what an option means; the text is a clause that says why."""


def addresses(command: Invocation) -> list[Value]:
    """Return what ``-b`` has to name, in the order of the options; nothing for the default.

    Raises:
        NotCertain: that can't be said.
    """
    others = command.option(Becomes.UNIX, Becomes.FD, Becomes.ADDRESS, Becomes.ENDPOINT)
    if others and command.server in ("uvicorn", "granian"):  # which listen on one
        return [_other(others[0])] if len(others) == 1 else _refuse(others)
    return [*_host_and_port(command), *map(_other, others)]


def _refuse(options: list[Given]) -> list[Value]:
    names = " and ".join(given.name for given in options)
    raise NotCertain(f"it is not certain which of {names} counts")


def _host_and_port(command: Invocation) -> Iterator[Value]:
    hosts, ports = command.option(Becomes.HOST), command.option(Becomes.PORT)
    if hosts or ports:
        host = _checked(hosts[-1], _HOST) if hosts else LOCAL
        if host.is_plain and ":" in host.text and not _is_ipv6(host.text):
            raise NotCertain(f"{host.text} is not a host")
        port = _checked(ports[-1], _PORT) if ports else DEFAULT_PORT
        yield joined(bracketed(host), ":", port)


def _is_ipv6(host: str) -> bool:
    try:
        return IPv6Address(host.removeprefix("[").removesuffix("]")).version == 6
    except ValueError:
        return False


def _other(given: Given) -> Value:
    assert given.option is not None
    match given.option.becomes_of(given.name):
        case Becomes.UNIX:
            return joined("unix:", _checked(given, _PATH))
        case Becomes.FD:
            return joined("fd:", _checked(given, _NUMBER))
        case Becomes.ENDPOINT:
            return Endpoint(given).address
        case _:
            return _as_gunicorn_has_it(given)


def _as_gunicorn_has_it(given: Given) -> Value:
    value = _value(given)
    if value.text.startswith("fd://") and value.is_plain:
        return Value.plain("fd:" + value.text.removeprefix("fd://"))
    if value.text.startswith("unix:") and _PATH.fullmatch(value.text.removeprefix("unix:")):
        return value
    host, colon, port = value.text.rpartition(":")
    if not colon and value.is_plain and _NAME.fullmatch(host or value.text):
        return joined(value, ":", DEFAULT_PORT)
    if colon and _PORT.fullmatch(port) and (not host or _name_or_ipv6(host)):
        return value
    raise NotCertain(f"it is not certain where {given.name} {value.text} listens")


def _name_or_ipv6(host: str) -> bool:
    bracketed = host.startswith("[") and host.endswith("]")
    return bracketed or _NAME.fullmatch(host) is not None


class Endpoint:
    """Twisted's description of an endpoint, as Daphne's ``-e`` takes it."""

    def __init__(self, given: Given) -> None:
        value = _value(given)
        if value.written != value.text or "\\" in value.text:
            raise NotCertain(f"{given.name} has quotes or backslashes")
        self.kind, *parts = value.text.split(":")
        self._named = dict(part.split("=", 1) for part in parts if "=" in part)
        self._others = [part for part in parts if "=" not in part]
        self._allowed = {"tcp": 1, "ssl": 1, "unix": 1, "fd": 0}.get(self.kind, -1)
        known = {"port", "interface", "privateKey", "certKey", "address", "fileno"}
        if (
            len(self._others) > self._allowed >= 0
            or self._allowed < 0
            or self._named.keys() - known
        ):
            raise NotCertain(f"there is nothing like {given.name} {value.text} here")

    @property
    def address(self) -> Value:
        """What ``-b`` has in its place."""
        if self.kind == "unix":
            return Value.plain("unix:" + self._first("address"))
        if self.kind == "fd":
            return Value.plain("fd:" + self._first("fileno"))
        host = bracketed(Value.plain(self._named.get("interface") or ANYWHERE.text))
        return joined(host, ":", Value.plain(self._first("port")))

    @property
    def certificate(self) -> tuple[Value, Value] | None:
        """The files of certificate and key; None where it is not TLS.

        Raises:
            NotCertain: one of them is missing.
        """
        if self.kind != "ssl":
            return None
        key = self._named.get("privateKey", "server.pem")
        return Value.plain(self._named.get("certKey", key)), Value.plain(key)

    def _first(self, name: str) -> str:
        found = self._named.get(name) or next(iter(self._others), "")
        if not found:
            raise NotCertain(f"an endpoint names no {name}")
        return found


def bracketed(host: Value) -> Value:
    """Return a host as it stands before a port."""
    if host.is_plain and ":" in host.text and not host.text.startswith("["):
        return Value.plain(f"[{host.text}]")
    return host


def joined(*parts: Value | str) -> Value:
    """Join texts to one word."""
    values = [part if isinstance(part, Value) else Value.plain(part) for part in parts]
    text = "".join(value.text for value in values)
    raws = [value.raw for value in values if value.raw is not None]
    return Value(text, sum(raws, ()) if len(raws) == len(values) else None)


def _value(given: Given) -> Value:
    assert given.value is not None
    return given.value


def _checked(given: Given, form: re.Pattern[str]) -> Value:
    value = _value(given)
    if form.fullmatch(value.text) is None:
        raise NotCertain(f"it is not certain what {given.name} {value.text} means")
    return value
