"""Requests for what is missing: a receiver asks senders to fill its gaps, a few at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from channels_bridge.groups.reliable.chain_receiver import HeardChain
from channels_bridge.groups.reliable.due_queue import NEVER
from channels_bridge.groups.reliable.frame_format import NO_AGE, Request, pack_request
from channels_bridge.groups.reliable.reliable_context import Context

NO_ANSWER = "the sender does not answer"


class Silence:
    """That a sender has not answered.

    Attributes:
        since: since when; or when it was heard of last.
        probe: the chain that it is asked for again and again.
        parked: all others that are wanted of it.
    """

    __slots__ = ("parked", "probe", "since")

    def __init__(self, since: float) -> None:
        self.since = since
        self.probe: HeardChain | None = None
        self.parked: deque[HeardChain] = deque()


class GapRequests:
    """Asks for the gaps of this process, ``Bounds.requests`` of them at a time.

    This is what paces resends: a sender sends a bounded number of bytes for each request, and the
    next request follows when they have come. A sender that leaves one without an answer is asked
    for one chain only, at growing intervals and beside the others, until it answers: one that has
    died, with gaps in a thousand chains, holds up nobody. After ``Bounds.patience_seconds`` without
    any answer its chains are given up.
    """

    def __init__(self, context: Context, give_up: Callable[[HeardChain, str], None]) -> None:
        self._context = context
        self._bounds = context.bounds
        self._give_up = give_up
        self._asked: dict[HeardChain, None] = {}  # in order
        self._waiting: deque[HeardChain] = deque()
        self._silent: dict[bytes, Silence] = {}  # by sender
        self._turns: deque[bytes] = deque()  # of silent ones that may be asked again
        self._probing: set[HeardChain] = set()  # those of ``_asked`` whose senders are silent

    def open(self, chain: HeardChain, now: float) -> None:
        """Begin to ask for what ``chain`` lacks, if that is not being done."""
        if chain.is_asking:
            return
        chain.is_asking = True
        chain.attempts = 0
        chain.progress_at = None
        if chain.is_joining:
            self._context.counters.late_joins += 1
        else:
            self._context.counters.gaps += 1
        if (silence := self._silent.get(chain.sender)) is not None:
            silence.since = now  # something has just come from it
        self._wait(chain)
        self.fill(now)

    def close(self, chain: HeardChain) -> None:
        """Ask no more: the gap is filled, or nobody wants it filled.

        Others get its place with the next ``fill()``, which is not later than the next request.
        """
        chain.is_asking = False
        self._asked.pop(chain, None)
        if chain in self._probing:
            self._probing.discard(chain)
            self._turns.append(chain.sender)

    def fill(self, now: float) -> None:
        """Ask for those that wait, as many as may be."""
        while self._waiting and len(self._asked) - len(self._probing) < self._bounds.requests:
            chain = self._waiting.popleft()
            if (silence := self._silent.get(chain.sender)) is not None:
                silence.parked.append(chain)
                continue
            chain.is_waiting = False
            if chain.is_asking:
                self._asked[chain] = None
                self._ask(chain, now)
        while self._turns and len(self._probing) < self._bounds.requests:
            self._probe(self._turns.popleft(), now)

    def _probe(self, sender: bytes, now: float) -> None:
        """Ask a silent sender for one chain, unless that is being done or none is wanted."""
        silence = self._silent.get(sender)
        if silence is None or silence.probe in self._probing:
            return
        while silence.parked:
            chain = silence.parked.popleft()
            chain.is_waiting = False
            if chain.is_asking:
                silence.probe = chain
                self._probing.add(chain)
                self._asked[chain] = None
                self._ask(chain, now)
                return
        del self._silent[sender]

    def heard(self, sender: bytes) -> None:
        """Note that a sender has answered: all that is wanted of it waits for its turn again."""
        silence = self._silent.pop(sender, None)
        if silence is not None:
            self._waiting.extend(silence.parked)
            if silence.probe is not None:
                self._probing.discard(silence.probe)

    def note_progress(self, chain: HeardChain, now: float) -> None:
        """Note that an answer has brought something; ask for more if that was all of it."""
        chain.progress_at = now
        chain.attempts = 0
        chain.due = now + self._bounds.retry_seconds
        if chain in self._asked and chain.last >= chain.answered_to:
            self._ask(chain, now)
        self.fill(now)

    def ask_again(self, now: float) -> None:
        """Ask at once for what was asked for: the bus may have lost requests and answers."""
        for sender in list(self._silent):
            self.heard(sender)
        for chain in list(self._asked):
            chain.attempts = 0
            self._ask(chain, now)
        self.fill(now)

    def tick(self, now: float) -> float:
        """Repeat what stayed without an answer; return when to look next."""
        for chain in [chain for chain in self._asked if chain.due <= now]:
            if chain in self._asked:  # giving up another one may have ended this
                self._repeat(chain, now)
        self.fill(now)
        return min((chain.due for chain in self._asked), default=NEVER)

    def _repeat(self, chain: HeardChain, now: float) -> None:
        sender, began = chain.sender, chain.progress_at or now
        if now - began >= self._bounds.patience_seconds:
            self._give_up(chain, NO_ANSWER)
            self._give_up_parked(sender, now)
            return
        chain.attempts += 1
        del self._asked[chain]
        self._probing.discard(chain)
        chain.is_waiting = True
        self._silent.setdefault(sender, Silence(began)).parked.appendleft(chain)
        self._turns.append(sender)

    def _give_up_parked(self, sender: bytes, now: float) -> None:
        """Give up what else is wanted of a sender, if nothing has come from it for so long."""
        silence = self._silent.get(sender)
        if silence is None or now - silence.since < self._bounds.patience_seconds:
            return
        del self._silent[sender]
        for chain in silence.parked:
            chain.is_waiting = False
            if chain.is_asking:
                self._give_up(chain, NO_ANSWER)

    def _wait(self, chain: HeardChain) -> None:
        if not chain.is_waiting:
            chain.is_waiting = True
            self._waiting.append(chain)

    def _ask(self, chain: HeardChain, now: float) -> None:
        self._context.counters.asked += 1
        if chain.progress_at is None:
            chain.progress_at = now
        pause = self._bounds.retry_seconds * 1.5 ** min(chain.attempts, 20)
        chain.due = now + min(pause, self._bounds.longest_retry_seconds)
        self._context.alarm.by(chain.due)
        number, reach = chain.last, NO_AGE
        if chain.is_joining:
            number, reach = chain.anchor, chain.reach
        request = Request(chain.topic, chain.ident, number, reach, chain.token)
        frame = pack_request(self._context.identity, request)
        self._context.bus.publish_to(chain.sender, frame)
