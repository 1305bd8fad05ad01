"""Where files have command lines: each kind of file is read for those, with where they stand.

- ``place``: a command line in a file.
- ``shell_file``, ``dockerfile``, ``ini_file``, ``yaml_file``, ``toml_file``, ``prose``: readers.
  They take a file's text apart and understand as little of it as they need.
- ``kinds``: which files are read by which. ``starts``: all that start a server.
- ``rewriting``: a start command, written anew in the quoting of its place.

YAML and JSON are read with ``ruamel.yaml``, which is in the extra ``migrate``.
"""
