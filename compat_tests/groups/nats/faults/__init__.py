"""Real processes that talk over NATS while its nodes, links and they themselves fail.

``actor`` is such a process: it says numbered messages to groups, and keeps a ``journal`` of what it
said and heard. ``cast`` starts them, ``scene`` has nodes and actors, and lets ``plots`` happen to
them: each is one way to fail. ``verdict`` compares what was said with what was heard. What a worker
of a server does is what actors do, without clients; ``compat_tests.chaos`` has those.

``python -m compat_tests.groups.nats.faults`` plays them for longer than the suite does.
"""
