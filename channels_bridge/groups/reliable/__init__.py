"""The reliable layer: order and no loss end to end, over a bus that delivers at most once.

**The promise.** What one process publishes to a topic reaches each process that has subscribed the
topic in that order and once. That holds while the bus loses, repeats and reorders frames, and while
its nodes, the links between them and the receivers fail, for less than ``Bounds.keep_seconds`` and
``Bounds.keep_bytes``. Past these bounds loss is declared to the receiver (``on_loss``), with the
number of messages where it is known: nothing is skipped silently. What a process that was killed
had sent can't be asked for again; where something of it arrived, the gap before it is declared.

**How.** It is end to end: no state is shared, each sender answers for its own last seconds.

- A sender numbers what it publishes to a topic: a *chain* (``chain_sender``). A topic that was not
  used for ``Bounds.remember_seconds`` is forgotten and begins another chain, so memory is bounded
  by the topics in use.
- A receiver expects the next number of each chain that it hears (``chain_receiver``, ``hearing``).
  If another one comes there is a gap: it holds what follows, asks the sender directly
  (``gap_requests``), and goes on in order.
- The sender has kept its last messages and sends them again to the one who asked
  (``retransmission``). The receiver sets the pace: a few requests at a time, each answered by a
  bounded number of bytes.
- The end of a burst shows no gap. So the sender says its last number again, by a *mark* on the
  topic: soon after, once more later, and whenever something has happened to the bus (``marking``).
- Against a bus that does not bring a topic at all, neither messages nor marks, each process tells
  some others directly what it has sent lately (``audit``).

``reliable_topics`` has the interface, ``frame_format`` what goes over the bus. Nothing here does
I/O, knows a clock or an event loop, or imports from other rooms.
"""

from __future__ import annotations
