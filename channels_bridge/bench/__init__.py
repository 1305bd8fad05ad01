"""Measure servers side by side on this machine: ``python -m channels_bridge.bench``.

- ``stacks``: what is compared, each of the ``servers`` with one of the ``layers`` and its broker;
  ``floor`` is the barest one.
- ``project``: the application that all of them serve, written for Channels; ``own``, ``sites`` and
  ``settings`` put a user's project in its place.
- ``scenarios``: what is looked at; ``loads``: the kinds of load; ``targets``: what is wanted.
- ``generator``: the load generator, a process of its own; ``caller``: one that sends to groups.
- ``plan``: the order of rounds; ``measure``: one round: start a stack, load it, read its CPU time
  and memory, stop it.
- ``results``, ``columns``, ``tables``, ``chart``: rounds put together, as JSON, tables or SVG;
  ``report`` is all of it.

The extra ``bench`` installs what the other stacks need.
"""
