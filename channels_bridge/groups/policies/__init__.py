"""Policies: what CONFIG says of groups by the patterns of their names.

- ``patterns``: globs and compiled patterns, of which the first that matches counts.
- ``history_policy``: how much of a group's messages is kept, and which are not.
- ``presence_policy``: who is shown in a group, and to whom that is told.
- ``history_options``: the options of all layers that can keep messages.
- ``seconds``: how all of them read a time.

Each mistake is an ImproperlyConfigured that says what to write instead.
"""
