"""Whether a server under churn keeps what it should let go: memory, descriptors, threads, tasks.

``load`` sends clients in rounds, after each of which nobody is connected any more; ``visits`` are
the ways in which they come and go; ``gauges`` reads what the server's processes hold between two
rounds; ``verdict`` compares the rounds after a warm-up with each other. ``hoards`` are clients
whose consumers leave much in cycles, which has to come back as well, if a little later.
``python -m compat_tests.soak`` does so with a real server on two workers and a hub, or
with ``--layer nats`` on nodes of NATS.
"""
