"""The supervisor process: starts workers and hubs, feeds, watches and replaces them.

- ``supervisor``: the whole: start, graceful reload, graceful shutdown, signals.
- ``acceptor``: accepts connections and balances them over the workers.
- ``keeper``: keeps one service running: restarts with backoff.
- ``recycling``: workers that are worn are replaced, one at a time.
- ``child_process``: one child process, with its lines to the supervisor.
- ``startup_timeout``: a time limit on starts (``--startup-timeout``).
- ``hang_watch``: the watchdog for stuck event loops (``--worker-timeout``).
- ``systemd``: socket activation, readiness and the watchdog of systemd.

The room stands on ``server.child`` and ``server.monitoring``. It imports neither the application
nor the protocols of clients: what might crash or hang is in other processes.
"""
