"""The transport over gRPC's protocol: processes of one machine, joined by a hub.

::

    layer - transport - client  ~~ stream ~~  session - exchange
                          |                      |
                         link                   hub

Each process keeps one bidirectional stream to the hub; every write is a batch of the frames that
were waiting (``frame_codec``, ``outbox``; the format is in ``../wire/v1/groups.proto``).

The folder ``process`` is a process' side, the folder ``hub`` the hub's; neither imports the other.
``client`` and ``exchange`` are the two ends of the conversation: plain objects without I/O.
``link`` keeps the client's stream open, ``hub`` serves streams. What both need is here: ``stream``
is a process' end, ``call_protocol`` what both ends do on an event loop, ``stream_tls`` their TLS;
``acknowledgement`` asks the system whether a machine is there;
``suppression`` has what both know of topics that need no publishing. What is written is gRPC, which
``http2`` speaks, so that any other gRPC can take part: the tests have Google's at either end.

What is promised, and how:

- Each request carries a number. The hub answers it when it is done, which for a publication means
  that all subscribed processes have handled it. What isn't answered is sent again, in order, after
  a reconnect.
- The hub and the receivers keep the highest number they saw of each sender
  (``history.sender_marks``) and ignore what isn't higher: so nothing arrives twice.
- The hub keeps what a process hasn't handled yet, and sends it again when that process reconnects
  soon. It forgets a process that stays away for longer than a moment.
- A process tells everything it wants with its first frame. A restarted hub so knows as much as the
  one before, but for what waited in named queues, which is lost. It forwards nothing before the
  processes that were receiving are back.

Publishers: who says in its first frame that it only publishes is told answers and nothing else, as
it reads only while it waits for one. It may be silent about no topic, and nobody waits for it.

History: what carries its bounds (``Publish.history``) is numbered by the hub, and is done once it
has its number and is written down: nobody waits for receivers, nor for processes that are to come
back. Who follows a topic says where it is, and is sent the log from there on, then each next
message, in the order of their numbers; its own ones as numbers only. On a new stream it says again
where it is: deliveries that were on their way are not repeated, since the log has them. A message
that is not kept has its place among the others, and is the one thing that is lost with a stream. A
process that has only subscribed, as those of an earlier release do, gets what is numbered as any
message; one whose hub is of an earlier release goes on without history, and says so
(``sequencer``, ``history_client``, ``log_codec``).

Joined: messages of logs go in one frame where many wait, as what each of them takes by itself is
most of what history costs: ``Appends`` to a hub that says in Welcome that it can read them,
``Deliveries`` to a process that says so in Hello. Otherwise, and for what is sent again, each has a
frame of its own. A process' numbers come back in one frame in any case (``append_codec``).

Silence: a process does not publish to topics that nobody else listens to. The hub says with its
answer to a publication that it is *unheard*: no other process has subscribed to its topic, and no
queue is bound to it. The process then keeps what it publishes there to itself, until the hub asks
it to resume, but at most for the time of a lease since it asked. Each such answer renews the lease
for all of its unheard topics, so that one publication in half a second keeps the hub out of it.

Yet a subscription that is confirmed misses nothing that anybody publishes later, because the hub
confirms it only after each process that may be silent about the topic

- has said that it resumed. It handled Resume after all answers that had allowed its silence, and
  the hub allows none while somebody listens; or
- has begun a new stream, or left: it was silent about nothing any more when it said so; or
- must have seen its lease end: the hub counts from its answer, the process from before it asked,
  and the hub's lease is longer. So a process that hangs, or that the hub has cut off, delays
  subscribers for a moment, but can't deceive them.

A new hub can't ask the processes that the one before has allowed to be silent: it confirms
subscriptions once all those leases must have ended. One that certainly is the first doesn't wait.

What confirms a subscription in other ways waits with it: the answer to a message on whose arrival
its receiver subscribed (see ``GroupTransport.subscribe_nowait``), and a repeated request. What is
published before a subscription is confirmed may reach it or not.
"""
