"""The sources of an option's value: command line, environment, setting, default.

The command line counts first, then the environment, then the setting ``WEBSOCKETS_SERVER``. What is
wrong with a value is said with the name of where it was found.
"""

from __future__ import annotations

import contextlib
import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from channels_bridge.project.options.option_values import read_value
from channels_bridge.project.options.server_options import OPTIONS
from channels_bridge.server.errors import StartupError
from channels_bridge.server.supervisor.systemd import listen_fds

SETTING = "WEBSOCKETS_SERVER"
PREFIX = "WEBSOCKETS_SERVER_"

#: Set by platforms: the port that they send requests to, on whatever address.
PORT = "PORT"
#: Set by platforms, as gunicorn and uvicorn read it: the number of workers.
WEB_CONCURRENCY = "WEB_CONCURRENCY"

#: What Kubernetes sets for each Service, behind its name: nobody's options, where a Service is
#: called ``websockets-server``, or ``websockets-server-metrics``.
_HOST = "SERVICE_HOST"
_OF_KUBERNETES = re.compile(rf"({_HOST}|SERVICE_PORT\w*|PORT(_\d+_(TCP|UDP|SCTP)\w*)?)")

#: Options whose values are not for everybody's eyes.
_SECRET = ("ssl_keyfile_password",)


class Given(NamedTuple):
    """A value and the name of where it was found."""

    value: Any
    source: str


@dataclass(frozen=True)
class ServerOptions:
    """The values of all options.

    Attributes:
        values: by the options' names.
        sources: where those were found that are neither defaults nor of the command line.
    """

    values: Mapping[str, Any]
    sources: Mapping[str, str]

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    @contextlib.contextmanager
    def naming(self, *names: str) -> Iterator[None]:
        """Say where the options were found, in errors about them."""
        try:
            yield
        except StartupError as error:
            for source in filter(None, map(self.sources.get, names)):
                raise StartupError(f"{source}: {error}") from None
            raise

    def describe(self) -> str:
        """What was found elsewhere than on the command line; empty if nothing was."""
        return ", ".join(
            f"{name} from {source}" if name in _SECRET else f"{name} {_show(value)} from {source}"
            for name, source in self.sources.items()
            if (value := self.values[name]) is not None
        )


def _show(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)


def settle(
    command_line: Mapping[str, Any], environ: Mapping[str, str], setting: object
) -> ServerOptions:
    """Choose a value for each option.

    Args:
        command_line: by the options' names; None where nothing was given.
        environ: the environment's variables.
        setting: the value of ``WEBSOCKETS_SERVER``.

    Raises:
        StartupError: a name is unknown, or a value has the wrong type.
    """
    given = {name: value for name, value in command_line.items() if value is not None}
    elsewhere = {**_from_setting(setting), **_from_environment(environ, OPTIONS.keys() - given)}
    values, sources = {}, {}
    for name, option in OPTIONS.items():
        if name not in given and name in elsewhere:
            values[name], sources[name] = elsewhere[name]
        else:
            values[name] = given.get(name, option.default)
    return ServerOptions(values, sources)


def _from_setting(setting: object) -> dict[str, Given]:
    for mistake in mistakes_in_setting(setting):
        raise StartupError(mistake)
    assert isinstance(setting, Mapping)
    return {
        name: Given(read_value(OPTIONS[name], value), _of_setting(name))
        for name, value in setting.items()
        if value is not None
    }


def mistakes_in_setting(setting: object) -> Iterator[str]:
    """Say what is wrong with the setting ``WEBSOCKETS_SERVER``, a line for each mistake."""
    if not isinstance(setting, Mapping):
        yield f'{SETTING} is {setting!r}: write a dictionary, such as {{"workers": 4}}'
        return
    for name, value in setting.items():
        if name not in OPTIONS:
            yield f"{SETTING} has {name!r}, which is not an option; {_nearest(name)}"
            continue
        try:
            if value is not None:
                read_value(OPTIONS[name], value)
        except ValueError as error:
            yield f"{_of_setting(name)}: {error}"


def _of_setting(name: str) -> str:
    return f'{SETTING}["{name}"] in the settings'


def _from_environment(environ: Mapping[str, str], wanted: Iterable[str]) -> dict[str, Given]:
    """Read these options from the environment; what is wrong with others does no harm."""
    _require_options(environ)
    found = {name: _find(environ, name) for name in wanted}
    return {name: given for name, given in found.items() if given is not None}


def _find(environ: Mapping[str, str], name: str) -> Given | None:
    """Find an option: what has its name counts before what others read, too."""
    if given := _read_variable(environ, PREFIX + name.upper(), name):
        return given
    if name == "bind":
        return _bind_from(environ)
    return _read_variable(environ, WEB_CONCURRENCY, name) if name == "workers" else None


def _require_options(environ: Mapping[str, str]) -> None:
    """Raise StartupError where a variable looks like an option, but there is no such one."""
    names = [name.removeprefix(PREFIX) for name in environ if name.startswith(PREFIX)]
    services = [name.removesuffix(_HOST) for name in names if name.endswith(_HOST)]
    for name in names:
        if name.lower() in OPTIONS and name == name.upper():
            continue
        if not any(_is_of_service(name, service) for service in services):
            hint = _nearest(name.lower(), PREFIX)
            raise StartupError(f"{PREFIX}{name} in the environment is not an option; {hint}")


def _is_of_service(name: str, service: str) -> bool:
    rest = name.removeprefix(service)
    return name.startswith(service) and _OF_KUBERNETES.fullmatch(rest) is not None


def _bind_from(environ: Mapping[str, str]) -> Given | None:
    """Find where to listen: the sockets that systemd passed, or the port that a platform wants."""
    if passed := listen_fds(environ):
        return Given([f"fd:{number}" for number in passed], "LISTEN_FDS")
    if not environ.get(PORT):
        return None
    port = environ[PORT].strip()
    if not (re.fullmatch("[0-9]{1,5}", port) and int(port) < 2**16):
        raise StartupError(
            f"{PORT} in the environment is {port!r}, which is not a port number: correct it, or "
            "give an address with -b"
        )
    return Given([f"0.0.0.0:{int(port)}"], PORT)


def _read_variable(environ: Mapping[str, str], variable: str, name: str) -> Given | None:
    """Read a variable; an empty one is as good as none."""
    if not environ.get(variable):
        return None
    try:
        return Given(read_value(OPTIONS[name], environ[variable]), variable)
    except ValueError as error:
        raise StartupError(f"{variable} in the environment: {error}") from None


def _nearest(name: object, prefix: str = "") -> str:
    """Say which option was meant, or which there are."""
    known: Iterable[str] = OPTIONS
    if matches := difflib.get_close_matches(str(name).removeprefix("no_"), known, n=1):
        meant = matches[0]
        return f"did you mean {prefix + meant.upper() if prefix else repr(meant)}?"
    return "see websockets_server --help for those there are"
