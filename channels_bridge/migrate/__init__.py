"""``python -m channels_bridge.migrate``: what stands between a Channels project and this server.

The project is read, never imported nor run, so neither its packages nor its settings are needed.
Syntax trees come from ``ast``, and edits replace ranges of text: no compiled dependency is needed.

- ``__main__``: the command; ``migrate_arguments``: its options; ``recognition``: what it refuses.
- ``rule_book``: all rules, and the finders that look for what they are about.
- ``model``: what rules are made of: findings, edits, files of the project.
- ``python``, ``requirements``: rules, by what they read.
- ``reports``: what is printed; ``writing``, ``git_state``: what is changed, and whether it may be.
"""
