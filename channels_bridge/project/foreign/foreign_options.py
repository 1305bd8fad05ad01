"""The options of other servers, and what they are called here: data, without a program.

``migration_guide/command.md`` shows these tables, row by row; ``foreign_command_line`` answers from
them where somebody gives such an option to ``websockets_server``.
"""

from __future__ import annotations

from channels_bridge.project.foreign.daphne_options import DAPHNE, RUNSERVER
from channels_bridge.project.foreign.granian_options import GRANIAN
from channels_bridge.project.foreign.gunicorn_options import GUNICORN
from channels_bridge.project.foreign.hypercorn_options import HYPERCORN
from channels_bridge.project.foreign.option import Option
from channels_bridge.project.foreign.uvicorn_options import UVICORN

#: By the name of the server, in the order in which they are thought of.
SERVERS: dict[str, tuple[Option, ...]] = {
    "Daphne": DAPHNE,
    "uvicorn": UVICORN,
    "gunicorn": GUNICORN,
    "hypercorn": HYPERCORN,
    "granian": GRANIAN,
    "runserver": RUNSERVER,
}
