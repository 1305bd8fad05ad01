"""Answers to a command line that was written for another server."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from channels_bridge.common.address_hints import address_meant
from channels_bridge.project.foreign.foreign_options import SERVERS
from channels_bridge.project.foreign.option import Option
from channels_bridge.server.bind import DEFAULT_PORT

#: ``mysite.asgi:application``, as servers have it, without the second part, or as Django has it.
_APPLICATION = re.compile(
    r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*(\(.*\))?|([A-Za-z_]\w*\.)*[aw]sgi(\.\w+)?", re.ASCII
)

#: What Django's ``runserver`` takes: a port, or an address and a port.
_ADDRPORT = re.compile(r"([\w.-]*:|\[[0-9A-Fa-f:.]+\]:)?[0-9]+", re.ASCII)

#: What a guide's remark has beside its words.
_MARKUP = re.compile(r"`|\[([^]]*)\]\([^)]*\)")


def answers(arguments: Sequence[str], ours: Mapping[str, bool]) -> list[str]:
    """Answer to arguments of other servers, a line for each; none where there are none.

    Args:
        arguments: of the command line.
        ours: our own options, and whether each takes a value.
    """
    options, others = _split(arguments, ours)
    server = _guess(options)
    lines = [_about_option(name, server) for name in options]
    return lines + [line for text in others if (line := _about_other(text))]


def find(name: str, server: str) -> Option | None:
    """Return the row of an option in a server's table."""
    for option in SERVERS[server]:
        if name in option.theirs.split(", "):
            return option
    return None


def plain_remark(option: Option) -> str:
    """Return what there is to say of an option, without the guide's markup."""
    return _MARKUP.sub(r"\1", option.remark)


def _split(arguments: Sequence[str], ours: Mapping[str, bool]) -> tuple[list[str], list[str]]:
    """Return the foreign options, and what is neither an option nor the value of one."""
    options, others = [], []
    rest = iter(arguments)
    for argument in rest:
        name, has_value = _name(argument, ours)
        if name in ours:
            takes_value = ours[name]
        elif rows := list(_rows(name)):
            options.append(name)
            takes_value = rows[0].value
        elif argument.startswith("-"):
            takes_value = _may_take_value(name, ours)
        else:
            takes_value = False
            others.append(argument)
        if takes_value and not has_value:
            next(rest, None)
    return options, others


def _name(argument: str, ours: Mapping[str, bool]) -> tuple[str, bool]:
    """Return the option in an argument, and whether its value is in it, as in ``-p8000``."""
    if argument.startswith("--"):
        name, equals, _ = argument.partition("=")
        return name, bool(equals)
    return argument[:2], len(argument) > 2


def _may_take_value(name: str, ours: Mapping[str, bool]) -> bool:
    """Whether an abbreviation of one of our options takes a value; True for an unknown option."""
    return next((value for option, value in ours.items() if option.startswith(name)), True)


def _rows(name: str) -> Iterator[Option]:
    for server in SERVERS:
        if (row := find(name, server)) is not None:
            yield row


def _guess(options: Sequence[str]) -> str:
    """Return the server that most of the options are of; of several such, the first."""
    return max(SERVERS, key=lambda server: sum(find(name, server) is not None for name in options))


def _about_option(name: str, server: str) -> str:
    known = [other for other in (server, *SERVERS) if find(name, other) is not None]
    option = find(name, known[0])
    assert option is not None
    remark = plain_remark(option)
    if not option.ours:
        return f"{name} of {known[0]} is not an option here: {remark}"
    return f"{name} of {known[0]}: write {option.ours}" + (f" ({remark})" if remark else "")


def _about_other(text: str) -> str | None:
    if _APPLICATION.fullmatch(text):
        return f"{text}: remove it; the setting ASGI_APPLICATION names the application"
    if _ADDRPORT.fullmatch(text):
        meant = address_meant(text, DEFAULT_PORT)
        return f"{text}: write -b {meant.write if meant else text}"
    return None
