"""Options of ``websockets_server``: their table, and the configuration that they make.

- ``server_options``: the table.
- ``option_sources``: values from the command line, the environment and the settings.
- ``option_values``: a value's type; ``option_numbers``: a number's.
- ``config_from_options``: the engine's configuration.

It may import ``project`` and the engine.
"""
