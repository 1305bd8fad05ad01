"""``python -m channels_bridge.migrate``: what stands between a Channels project and this server.

The project is read, never imported nor run, so neither its packages nor its settings are needed.

- ``model``: what rules are made of: findings, edits, files of the project.
- ``rule_book``: all rules, and the finders that look for what they are about.

It may import ``project.foreign``, whose tables say what other servers' options are called here.
"""
