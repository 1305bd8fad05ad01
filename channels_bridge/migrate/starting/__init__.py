"""Rules about start commands: CB201 to CB214, and CB603.

- ``start_rules``: what is looked for. ``surroundings``: what else a command depends on.
- ``start_commands``: commands of other servers, rewritten or proposed; ``start_plan``: one of them.
- ``supervisor_programs``, ``units``, ``shells``, ``health_checks``: what stands around them.
"""
