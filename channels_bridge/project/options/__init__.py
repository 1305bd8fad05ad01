"""Options of ``websockets_server``: their table, and the configuration that they make.

- ``server_options``: the table.
- ``config_from_options``: the engine's configuration.

It may import ``project`` and the engine.
"""
