"""Restarts with backoff: a service's child process is started again when it ends."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable

from channels_bridge.server.child.main import HURRY
from channels_bridge.server.errors import StartupError
from channels_bridge.server.monitoring.census import Census
from channels_bridge.server.supervisor.child_process import Child, Service
from channels_bridge.server.supervisor.startup_timeout import StartLimit

logger = logging.getLogger("channels_bridge.server")

#: Seconds that a child has to live to be restarted at once when it dies. Another one failed at its
#: start, most likely, and its successor will: it is put off, so that they don't take the machine.
STABLE_AFTER = 10.0

#: Seconds that a restart is put off, twice as long each time (exponential backoff), from the first
#: to the last. Not longer, as what is missing may come: a database that starts, too.
FIRST_DELAY = 0.1
LAST_DELAY = 10.0

#: The last one where somebody sits in front of it and mends a file (``--reload``).
LAST_DELAY_PATIENT = 2.0


#: Why another child is started in place of one that has stopped, by whether the server ends.
_MOTIVES = {
    False: "%s has stopped; starting another",
    # Its own SIGTERM came with everybody's, as from systemd's KillMode=control-group.
    True: "%s was told to stop with the others; another serves until the workers have ended",
}


class Keeper:
    """Keeps one service running: one child at a time, started again when it ends.

    Args:
        service: what to run.
        census: it is told of each child.
        kill_after: seconds that a child has to end once it has been asked to.
        start_limit: it ends a child that does not get ready.
        on_wear: called when the child says that it should be replaced.
        patient: whether to try again even where the very first start fails; otherwise ``started``
            has the error, and nothing is restarted.
    """

    def __init__(
        self,
        service: Service,
        census: Census,
        *,
        kill_after: float,
        start_limit: StartLimit,
        on_wear: Callable[[], None] = lambda: None,
        patient: bool = False,
    ) -> None:
        self.service = service
        self._census = census
        self._kill_after = kill_after
        self._start_limit = start_limit
        self._on_wear = on_wear
        self._kill_timer: asyncio.TimerHandle | None = None
        self.child: Child | None = None
        self._patient = patient
        self._loop = asyncio.get_running_loop()
        self._delay = 0.0
        self._last_failure = ""
        self._restart: asyncio.TimerHandle | None = None
        self._stopping = False
        #: Done once the service was ready; its exception says why it never was.
        self.started: asyncio.Future[None] = self._loop.create_future()
        #: Done once it was told to stop and did.
        self.stopped: asyncio.Future[None] = self._loop.create_future()

    @property
    def wear(self) -> str:
        """Why the child should be replaced; empty where it need not be, or ends by itself."""
        channel = self.child.channel if self.child is not None else None
        return channel.wear if channel is not None and channel.ready else ""

    def start(self) -> None:
        """Start a child; where the system can't, now, try again later."""
        self._restart = None
        try:
            self.child = child = Child(self.service)
        except OSError as error:  # no process, memory or descriptor is left
            self._retry_start(error)
            return
        self._census.enter(child)
        self._loop.add_reader(child.channel.sock, self._read, child)
        self._loop.add_reader(child.exit_fd, self._ended, child)
        self._start_limit.start(child)

    def _retry_start(self, error: OSError) -> None:
        if isinstance(error, FileNotFoundError) and not (self.started.done() or self._patient):
            self.started.set_exception(StartupError(f"cannot start Python: {error}"))
            self._set_stopped()
            return
        if str(error) != self._last_failure:
            logger.error("cannot start a %s for now: %s", self.service.name, error)
        self._last_failure = str(error)
        self._delay = self._longer_delay()
        self._restart = self._loop.call_later(self._delay, self.start)

    def stop(self) -> None:
        """Ask the child to end; ``stopped`` tells when it has."""
        if (child := self._let_end()) is not None:
            child.process.terminate()

    def hurry(self) -> None:
        """Let a child that was asked to end do at once what it does little by little."""
        if self.child is not None and self.child.running:
            os.kill(self.child.pid, HURRY)

    def retire(self, grace: float) -> None:
        """Let the child finish what it has begun and end; another has taken its place.

        Args:
            grace: seconds that it has for that, on top of ``kill_after``.
        """
        if (child := self._let_end()) is not None:
            if not child.channel.retire():
                child.process.terminate()
            self._kill_timer = self._loop.call_later(self._kill_after + grace, self.kill)

    def _let_end(self) -> Child | None:
        """Start no child any more. Returns the one that runs."""
        self._stopping = True
        self._start_limit.stop()
        if self._restart is not None:
            self._restart.cancel()
        if self.child is not None and self.child.running:
            return self.child
        self._set_stopped()
        return None

    def kill(self) -> None:
        """Kill the child: it was asked in vain, or there is no time to wait."""
        if self.child is not None and self.child.running:
            logger.warning("%s has not stopped and is killed", self.child)
            self.child.process.kill()

    def _read(self, child: Child) -> None:
        was_ready, was_stopping = child.channel.ready, child.channel.stopping
        was_worn = child.channel.wear
        child.channel.read()
        if child.channel.wear != was_worn:
            self._on_wear()
        if child.channel.stopping and not was_stopping and not self._stopping:
            # It stops by itself, as one does that has seen its source files change.
            self._kill_timer = self._loop.call_later(self._kill_after, self.kill)
        if child.channel.closed:
            self._loop.remove_reader(child.channel.sock)
        if child.channel.ready and not was_ready:
            self._set_started(child)

    def _set_started(self, child: Child) -> None:
        logger.info("%s is ready", child)
        self._start_limit.stop()
        if not self.started.done():
            self.started.set_result(None)

    def _unwatch(self, child: Child) -> None:
        """Watch a child that has ended no longer, nor wait for it."""
        self._loop.remove_reader(child.channel.sock)
        self._loop.remove_reader(child.exit_fd)
        self._start_limit.stop()
        if self._kill_timer is not None:
            self._kill_timer.cancel()

    def _ended(self, child: Child) -> None:
        self._unwatch(child)
        how = child.reap()
        self._census.leave(child)
        if self._stopping:
            self._set_stopped()
        elif not self.started.done() and not self._patient:
            self._stopping = True
            self._set_stopped()
            self.started.set_exception(StartupError(_startup_message(child, how)))
        else:
            self._schedule_restart(child, how)

    def _schedule_restart(self, child: Child, how: str) -> None:
        self._census.restarts[self.service.name] += 1
        if child.process.returncode == 0:  # as a worker does that saw its source files change
            logger.info(_MOTIVES[self._census.phase == "draining"], child)
            self._delay, self._last_failure = 0.0, ""
        else:
            self._delay = self._next_delay(child)
            self._note_failure(child, how)
        self._restart = self._loop.call_later(self._delay, self.start)

    def _note_failure(self, child: Child, how: str) -> None:
        """Log a failure, but one line only for as long as each child fails alike."""
        if not self._delay:  # the one before is long ago
            self._last_failure = ""
        if how != self._last_failure:
            logger.error("%s ended (%s); starting another", child, how)
        self._last_failure = how

    def _next_delay(self, child: Child) -> float:
        if time.monotonic() - child.started >= STABLE_AFTER:
            return 0.0
        return self._longer_delay()

    def _longer_delay(self) -> float:
        last = LAST_DELAY_PATIENT if self._patient else LAST_DELAY
        return min(max(self._delay * 2, FIRST_DELAY), last)

    def _set_stopped(self) -> None:
        if not self.stopped.done():
            self.stopped.set_result(None)


def _startup_message(child: Child, how: str) -> str:
    return child.channel.failure or f"{child} ended before it was ready ({how})"
