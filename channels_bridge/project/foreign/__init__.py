"""Options and arguments that were written for other servers, and what to write here instead.

- ``foreign_command_line``: the answers that ``websockets_server`` gives.
- ``foreign_options``: the tables that it answers from, and that the migration guide shows.
- ``daphne_options``, ``uvicorn_options``, ...: a server's table each; ``option``: one row.

It may import ``common`` and ``server``.
"""
