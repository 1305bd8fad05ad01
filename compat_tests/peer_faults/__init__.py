"""Faults, and what users see of them: here, and under Daphne and uvicorn with channels_redis.

``site`` is a Channels project as its tutorial has it; ``stacks`` starts it on each server, in the
configuration that its documentation recommends; ``scene`` gives it clients, and someone who sends
to their group; ``faults`` are functions that do harm and return what they saw; ``report`` writes it
down. ``python -m compat_tests.peer_faults`` runs all of it and takes a few minutes.
"""
