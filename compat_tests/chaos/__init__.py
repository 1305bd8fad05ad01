"""A real server under load, what may happen to it at night, and what its clients make of it.

``site`` is the project that is served, on a ``disk`` that can be full, by a ``clock`` that can be
wrong; ``staging`` starts it. ``clients`` talk in rooms, and write into a ``journal`` what they sent
and got, and how each connection ended; those that are ``resuming`` go on where they were.
``faults`` is what happens, ``scene`` lets it happen, as a seed says. ``verdict`` reads the journal
and says what was lost, duplicated or out of order, ``stories`` does so by what is promised to those
who resume; ``outcomes`` has the list of all ways in which a connection may end, and finds those
that ended otherwise. ``standstill`` says when it was this program that stood still.

``python -m compat_tests.chaos`` is the command.
"""
