"""The benchmark: servers side by side on this machine. ``python -m channels_bridge.bench``.

- ``stacks``: what is compared, each server with a channel layer and its broker.
- ``project``: the application that all of them serve, written for Channels; ``own_project`` puts a
  user's in its place.
- ``loads``: the kinds of load, and the scenarios, which put loads on stacks.
- ``generator``: the load generator, a process of its own.
- ``rounds``: the order of rounds, and a single one: start a stack, load it, read its CPU time and
  memory, stop it.
- ``report``: rounds put together, as JSON, tables or SVG.

Imports run one way: ``generator`` knows ``loads``; ``report`` knows these two and ``stacks``;
``rounds`` knows all of them. The rest of the package imports nothing from here, and of the rest
only ``project`` uses anything: what projects use.

The extra ``bench`` installs what the other stacks need.
"""
