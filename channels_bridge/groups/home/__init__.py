"""The home loop: the event loop on which layers live, and the ways to it from other threads.

- ``home_loop`` is that loop, in a server's worker or in a thread of its own, and calls to it.
- ``sync_calls`` spares ``async_to_sync()`` a detour, and ``known_outcome`` a thread and a loop;
  ``handover`` takes messages of a worker's threads without letting them wait.
- ``green_threads`` refuses to work where gevent or eventlet has patched threads, but for what needs
  no loop.

It imports ``exceptions`` alone, and knows no layer and no transport.
"""
