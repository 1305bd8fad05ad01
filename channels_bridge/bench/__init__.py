"""Measure servers side by side on this machine: ``python -m channels_bridge.bench``.

- ``stacks``: what is compared, each a server with its channel layer and broker.
- ``project``: the application that all of them serve, written for Channels.
- ``scenarios``: the load's shape.
- ``load``: the load generator, a process of its own.
- ``measure``: one round, one stack: start it, load it, read its CPU time, stop it.
- ``report``: rounds put together, as a table or JSON.

The extra ``bench`` installs what the other stacks need.
"""
