"""Questions from the supervisor to its children, and what it makes of their answers."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from channels_bridge.server.child.questions import answering, question_pair
from channels_bridge.server.monitoring.census import Census
from compat_tests.engine import DEADLINE


@pytest.fixture
async def pair():
    """The supervisor's end of the questions, and the child's socket."""
    questions, sock = question_pair()
    yield questions, sock
    questions.close()
    sock.close()


def saying(function):
    """An answer that needs no waiting."""

    async def answer(question):
        return function(question)

    return answer


async def test_question_and_answer(pair):
    """A child answers what it is asked, one question after the other."""
    questions, sock = pair
    async with answering(sock, saying(lambda question: {"double": 2 * question.get("n", 0)})):
        assert await questions.ask({"n": 4}, DEADLINE) == {"double": 8}
        assert await questions.ask({"n": 5}, DEADLINE) == {"double": 10}
        assert questions.last == {"double": 10}


async def test_several_at_once(pair):
    """Whoever asks gets the answer to their own question, whatever was heard since."""
    questions, sock = pair
    async with answering(sock, saying(lambda question: {"double": 2 * question.get("n", 0)})):
        answers = await asyncio.gather(*(questions.ask({"n": n}, DEADLINE) for n in range(50)))
    assert answers == [{"double": 2 * n} for n in range(50)]


async def test_last_word():
    """What a child says when it ends is heard, though nobody asks any more."""
    questions, sock = question_pair()
    async with answering(sock, saying(lambda question: {"asked": bool(question)})):
        pass
    questions.close()
    assert questions.last == {"asked": False}


async def test_no_answer_in_time(pair):
    """Nobody waits for a child that is stuck; its late answer is what was heard last."""
    questions, sock = pair
    assert not await questions.ask({}, 0.01)
    async with answering(sock, saying(lambda question: {"late": True})):
        assert await questions.ask({}, DEADLINE)
    assert questions.last == {"late": True}


async def test_looking_in_vain(pair):
    """A loop that has looked where nothing had come hears what comes."""
    questions, sock = pair
    questions._readable()
    async with answering(sock, saying(lambda question: {"heard": True})):
        assert await questions.ask({}, DEADLINE)


async def test_a_child_that_never_reads(pair):
    """Thousands of questions to a child that is stuck fill no memory, and block nobody."""
    questions, _ = pair
    for _ in range(20_000):
        if not await questions.ask({}, 0):
            continue
    assert questions.last is None


async def test_an_answer_that_fails(pair, caplog):
    """Who can't answer one question says why in the log, and answers the next."""

    async def answer(question):
        return {"share": 1 / question.get("by", 1)}

    questions, sock = pair
    async with answering(sock, answer):
        assert not await questions.ask({"by": 0}, 0.1)
        assert await questions.ask({"by": 4}, DEADLINE)
        assert questions.last == {"share": 0.25}
    assert "ZeroDivisionError" in caplog.text


async def test_a_child_that_has_ended(pair):
    """Asking a child that is gone is no error."""
    questions, sock = pair
    sock.close()
    assert not await questions.ask({}, DEADLINE)


class Worker:
    """A worker of which nothing is real but the socket."""

    name = "worker"
    started = 0.0
    channel = SimpleNamespace(ready=True, stopping=False)
    pid = 1

    def __init__(self):
        self.questions, self.sock = question_pair()

    def end(self):
        self.sock.close()
        self.questions.close()


async def test_counters_never_go_down():
    """What workers counted that have ended is kept, label by label, and added to by others."""
    census = Census()
    for counted in ({"sent": 3, "closed": {"1000": 2}}, {"sent": 4, "closed": {"1001": 1}}):
        worker = Worker()
        census.enter(worker)
        async with answering(
            worker.sock, saying(lambda question, counted=counted: {"counters": counted})
        ):
            await census.workers({}, DEADLINE)
        worker.end()
        census.leave(worker)
    assert census.totals([]) == {"sent": 7, "closed": {"1000": 2, "1001": 1}}


async def test_a_stuck_worker_is_shown_with_what_it_said_before():
    """A worker that doesn't answer is no reason to wait; its last answer counts."""
    census, worker = Census(), Worker()
    census.enter(worker)
    async with answering(worker.sock, saying(lambda question: {"counters": {"sent": 3}})):
        (member,) = await census.workers({}, DEADLINE)
        assert member.fresh
    (member,) = await census.workers({}, 0.01)
    assert not member.fresh
    assert census.totals([member]) == {"sent": 3}
    worker.end()


async def test_numbers_of_workers_stay_low():
    """A worker that takes the place of another takes its number too."""
    census = Census()
    workers = [Worker() for _ in range(3)]
    for worker in workers:
        census.enter(worker)
    census.leave(workers[1])
    census.enter(Worker())
    members = await census.workers({}, 0)
    assert sorted(member.number for member in members) == [0, 1, 2]
    for worker in [*workers, members[-1].process]:
        worker.end()
