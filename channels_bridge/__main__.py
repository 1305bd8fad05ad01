"""``python -m channels_bridge``, or ``channels-bridge``: serve a project, or say what it lacks.

It needs no manage.py, as servers are used to be started, and helps where that one says "Unknown
command: 'websockets_server'", as no other part of this package runs there.
"""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

import django
from django.apps import apps
from django.conf import ENVIRONMENT_VARIABLE, settings
from django.core.management import handle_default_options, load_command_class

from channels_bridge import __version__, conf
from channels_bridge.project.advice.environment_sources import named_by_file
from channels_bridge.project.advice.installed import ADD, MISSING
from channels_bridge.project.advice.startup_advice import MANAGE, PROGRAM

USAGE = f"""usage: {PROGRAM} serve [--settings MODULE] [--pythonpath DIRECTORY] [options]
       {PROGRAM} check

serve   starts the server of the project in this directory, as python manage.py websockets_server
        does; {PROGRAM} serve --help lists its options
check   says which settings are in use and what they, or the application, lack to be served, as
        {PROGRAM} alone does

The settings are those of --settings, of {ENVIRONMENT_VARIABLE} in the environment, or of manage.py.
python -m channels_bridge is the same command. A project of Channels that is not switched yet: see
python -m channels_bridge.migrate --help."""


def main(arguments: Sequence[str] | None = None) -> str | None:
    """Do what the command line asks for. Returns what is wrong; None if nothing is."""
    command, *options = (sys.argv[1:] if arguments is None else arguments) or ["check"]
    if command in ("-h", "--help", "help"):
        print(USAGE)
        return None
    if command == "--version":
        print(__version__)
        return None
    if command.startswith("-"):  # as other servers are started
        command, options = "serve", [command, *options]
    if command == "serve":
        return serve(options)
    if command == "check":
        return check(options)
    return f"{command!r} is not a command of {PROGRAM}: write serve or check. {instead(command)}"


def instead(command: str) -> str:
    """Say what was meant by an argument that other servers take first."""
    if ":" in command or ".asgi" in command:
        return f"The setting ASGI_APPLICATION names the application: {PROGRAM} serve [options]"
    return f"Other commands are manage.py's: python manage.py {command}"


def serve(options: Sequence[str]) -> str | None:
    """Serve the project, until the server ends. Returns what keeps it from being served."""
    if not {"-h", "--help"}.intersection(options) and (wrong := find_mistake(options)):
        return wrong
    # The command ends by itself if it is all that the process does, which it knows by this.
    sys.argv = [PROGRAM, "serve", *options]
    load_command_class("channels_bridge", "websockets_server").run_from_argv(sys.argv)
    return None


def check(options: Sequence[str]) -> str | None:
    """Say which settings are in use. Returns what they, or the application, lack."""
    if wrong := find_mistake(options):
        return wrong
    # Not sooner: it takes most of this package, which those who ask for help don't need.
    from channels_bridge.project.asgi_application import find_fault

    if fault := find_fault():
        return f"{settings.SETTINGS_MODULE}: {fault}"
    print(
        f"channels_bridge {__version__} is installed in {settings.SETTINGS_MODULE}. "
        f"Check it with python manage.py check, serve it with {PROGRAM} serve or "
        "python manage.py websockets_server."
    )
    return None


def find_mistake(options: Sequence[str]) -> str | None:
    """Set Django up. Returns what keeps the project from being served."""
    choose_settings(options)
    if not os.environ.get(ENVIRONMENT_VARIABLE):
        return (
            f"channels_bridge {__version__} is an application for Django projects. Run this where "
            f"the project's manage.py is, or set {ENVIRONMENT_VARIABLE}"
        )
    module = os.environ[ENVIRONMENT_VARIABLE]
    try:
        django.setup()
    except Exception as error:  # the project's code may raise anything
        if isinstance(error, ModuleNotFoundError) and is_part(error.name, module):
            return (
                f"there is no settings module {module!r} here: run this where the project's "
                "manage.py is, or give that directory with --pythonpath and the module with "
                f"--settings or {ENVIRONMENT_VARIABLE}"
            )
        return f"{module}: django.setup() failed: {type(error).__name__}: {error}{hint(error)}"
    if not apps.is_installed("channels_bridge"):
        return f"{module}: {MISSING}. {ADD}"
    if not conf.asgi_application() and not conf.route_module():
        return f"{module}: {conf.NOTHING_TO_SERVE}"
    return None


def hint(error: Exception) -> str:
    """Say what is to be done about a module that is missing; empty for other errors."""
    if not isinstance(error, ModuleNotFoundError) or error.name is None:
        return ""
    if get_close_matches(error.name, ["channels_bridge"], cutoff=0.9):
        return ". Did you mean 'channels_bridge'?"
    return (
        f". {sys.executable} does not have it: correct the name, install it there, or run "
        f"{PROGRAM} with the project's own Python: python -m channels_bridge"
    )


def is_part(name: str | None, module: str) -> bool:
    """Whether it is the module itself that is missing, or a package that it is in."""
    return name is not None and f"{module}.".startswith(f"{name}.")


def choose_settings(options: Sequence[str]) -> None:
    """Find the settings as manage.py finds them, which this command takes the place of."""
    parser = ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--settings")
    parser.add_argument("--pythonpath")
    given, _ = parser.parse_known_args(options)
    if (here := os.getcwd()) not in sys.path:  # a script's directory is the first, not this one
        sys.path.insert(0, here)
    handle_default_options(given)
    named = named_by_file(Path(given.pythonpath or "", MANAGE), ENVIRONMENT_VARIABLE)
    if len(modules := named.defaults | named.forced) == 1:
        os.environ[ENVIRONMENT_VARIABLE] = os.environ.get(ENVIRONMENT_VARIABLE) or modules.pop()


if __name__ == "__main__":
    sys.exit(main())
