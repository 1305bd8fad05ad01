"""``python -m compat_tests.server.run BIND APPLICATION WORKERS [OPTION=SECONDS ...]``."""

from __future__ import annotations

import asyncio
import logging
import sys

from channels_bridge.server.bind import parse_binds
from channels_bridge.server.config import ServerConfig
from channels_bridge.server.errors import StartupError
from channels_bridge.server.listen import listen
from channels_bridge.server.supervisor.supervisor import Supervisor

logging.basicConfig(level=logging.INFO)  # workers import this module too


async def main(bind, application, workers, *options):
    """Serve one of the tests' applications, until a signal ends it."""
    config = ServerConfig(
        application=f"compat_tests.server.applications:{application}",
        binds=parse_binds([bind]),
        workers=int(workers),
        **{
            name: int(value) if value.isdecimal() else float(value)
            for name, _, value in (option.partition("=") for option in options)
        },
    )
    listeners = listen(config.binds)

    def announce():
        for listener in listeners:
            print(f"Listening at {listener.url()}", flush=True)

    await Supervisor(config, listeners, on_ready=announce).run()


if __name__ == "__main__":
    try:
        asyncio.run(main(*sys.argv[1:]))
    except StartupError as error:
        sys.exit(f"error: {error}")
