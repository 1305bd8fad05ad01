"""
Faults under load, and what they do to messages.

``member`` is a process that sends numbered messages to a group and records what it gets;
``journal`` is what it writes down, line by line, so that nothing is lost when it is killed;
``verdict`` reads all journals and says what was lost, duplicated or out of order; ``scene`` runs
members and a hub, and does to them what a seed says. ``python -m compat_tests.chaos`` does so for
longer than the suite has time for.
"""
