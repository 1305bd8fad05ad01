"""Questions that a layer puts to all processes, and their answers."""

from __future__ import annotations

import pytest

from channels_bridge.exceptions import TransportUnavailable
from channels_bridge.layers import GrpcChannelLayer, LocalChannelLayer


def fail(question):
    raise LookupError(question)


async def answer(layer, subject, answerer):
    """Answer, and return once others can know."""
    await layer.answer(subject, answerer)
    # What follows on the same connection is handled after that.
    await layer.group_send("nobody", {})


async def test_local_layer():
    """Alone, a process answers its own questions, if it does."""
    layer = LocalChannelLayer()
    assert await layer.ask("sum", [1, 2]) == []
    await layer.answer("sum", sum)
    assert await layer.ask("sum", [1, 2]) == [3]
    await layer.close()


async def test_every_process_answers(make_linked_layer):
    """Who asks has all answers when ask() returns: one of each that answers."""
    asker, second, third, silent = (make_linked_layer() for _ in range(4))
    for number, layer in enumerate((asker, second, third)):
        await answer(layer, "number", lambda question, number=number: [question, number])
    for question in range(20):
        expected = [[question, 0], [question, 1], [question, 2]]
        assert sorted(await asker.ask("number", question)) == expected
        assert sorted(await silent.ask("number", question)) == expected
    assert await silent.ask("colour", "?") == []


async def test_a_process_that_fails_to_answer(make_linked_layer, caplog):
    """A process that can't answer says so in its log; the others' answers arrive."""
    asker, good, bad = (make_linked_layer() for _ in range(3))
    await answer(good, "square", lambda question: question**2)
    await answer(bad, "square", fail)
    assert await asker.ask("square", 3) == [9]
    assert "LookupError: 3" in caplog.text


async def test_without_a_hub(address):
    """Nobody to be asked because there is no hub is an error, as with any message."""
    layer = GrpcChannelLayer(address=address, timeout=0.1)
    with pytest.raises(TransportUnavailable):
        await layer.ask("sum", [1])
    await layer.close()
