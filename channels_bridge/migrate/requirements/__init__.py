"""What a project needs installed: packages, and which releases of them.

- ``requirement``: one requirement, and what releases it allows; ``requirement_files``: where
  requirements are found.
- ``requirement_rules``: CB601 and CB602.

It may import ``model`` and ``python``.
"""
