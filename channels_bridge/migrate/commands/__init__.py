"""Start commands of other servers, as text: found in a line, understood, written anew.

- ``placed_text``: text whose characters know where they stand in a file, through all quoting.
- ``shell_words``: splits it into words and operators, as a shell does.
- ``simple_commands``: the single commands of a script, or of a line that no shell reads.
- ``invocation``: the server that a command starts, its application; ``given_options``: its
  options; ``launchers``: what runs it.
- ``foreign_address``, ``translation``: what they are here, by the tables of ``project.foreign``.

Nothing here opens a file or knows Django.
"""
