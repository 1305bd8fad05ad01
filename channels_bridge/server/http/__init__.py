"""HTTP: the first request of each connection, the pages of the application, and refusals.

- ``first_request``: reads the head of a new connection's first request, under limits of size and
  time, and hands the connection to WebSocket or to HTTP.
- ``protocol_factory``: which protocol that is for HTTP, with and without the extra ``http``.
- ``protocol``: uvicorn's HTTP/1.1 protocol with this server's limits, keep-alive and shutdown.
- ``shared_state``: what all its connections share: the worker's tasks, the header Date.
- ``upgrade_required``: the answer 426 where HTTP is not served.
- ``page``: one request and its answer; how answers under way end in a graceful shutdown.
- ``page_timeout``: a time limit on answers, for ``runserver --http_timeout`` alone.
- ``refusal``: the last answer of a connection whose request is not served, and its lingering close.

The room stands on ``server.websocket``, as a handshake is an HTTP request. It imports uvicorn and
httptools in ``protocol`` and ``shared_state`` alone.
"""
