"""Policies: what CONFIG says of groups by the patterns of their names.

- ``patterns``: globs and compiled patterns, of which the first that matches counts.
- ``history_policy``: how much of a group's messages is kept, and which are not.
- ``history_options``: the options of all layers that can keep messages.

Each mistake is an ImproperlyConfigured that says what to write instead.
"""
