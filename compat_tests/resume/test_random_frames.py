"""``resumable.js`` beside a second reading of the protocol, on random messages and garbage."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from compat_tests.resume.node import run_node
from compat_tests.resume.reference_page import HELLO, Message, ReferencePage, as_data

SCRIPTS = Path(__file__).parent / "javascript"
TAGS = ("AbCdEfGh", "b-_45678", "c0000000")
GREETING = HELLO + ',"v":1,"beat":25,"retry":[0.1,30],"c":"tok"}'
AFTER = [["open"], ["message", "still here"]]

#: What no server sends.
GARBAGE: tuple[Message, ...] = (
    *("", "x", "!", "!{", "!5", "!null", '!"x"', "![]", '!{"t":"at"', ":1;x", "AbC:1;x"),
    *("AbCdEfGh;x", "AbCdEfGh:;x", "AbCdEfGh:x;y", "AbCdEfGh:1.;x", "AbCdEfGh:-1;x", " ;x"),
    *(b"", b"x", b"AbCdEfGh:1", b"\xff;x", b"!{}", b"AbCdEfGh:1.2.3;", b"x" * 1000 + b";"),
)
#: What is in no place where the protocol has something else.
ODD = (None, True, -1, 0.5, "", "x", [], ["x"], {}, {"x": None}, 10**30)


def frame(random: Random) -> Message:
    """A frame, of a group that there may be or not, or of none."""
    tag, offset = random.choice(TAGS), random.randrange(1, 10**6)
    header = random.choice(["", f"{tag}:{offset}", f"{tag}:{offset}.{random.randrange(12)}"])
    payload = random.choice(["", ";", "!", "x;y", '{"é": "\u2028"}', "\x00", "AbCdEfGh:1;"])
    whole = f"{header};{payload}"
    return whole.encode() if random.random() < 0.3 else whole


def control(fields: dict[str, Any]) -> str:
    return "!" + json.dumps(fields, separators=(",", ":"))


def some(random: Random, fields: dict[str, Any]) -> dict[str, Any]:
    """A part of the fields."""
    return {name: value for name, value in fields.items() if random.random() < 0.6}


def at(random: Random) -> str:
    place = some(random, {"o": random.randrange(10**6), "e": random.choice("abc"), "n": "room"})
    if "o" in place and random.random() < 0.2:
        place["i"] = random.randrange(1, 5)
    if random.random() < 0.1:
        place["was"] = random.choice(TAGS)
    answer = random.choice([{}, {"r": "new"}, {"r": "ok"}, {"r": "gap", "why": "expired"}])
    # An epoch without an offset and a ticket is no position: servers tell all three at first.
    first = {"e": "z", "o": 1, "k": f"k{random.randrange(9)}"}
    return control({"t": "at", "g": random.choice(TAGS), **first, **place, **answer})


def presence(random: Random) -> str:
    people = {str(random.randrange(5)): random.choice([None, {"name": "é"}]) for _ in range(3)}
    gone = [str(random.randrange(5)) for _ in range(2)]
    told = {"t": random.choice(["here", "diff"]), "g": random.choice(TAGS), "v": 1, "n": 3}
    if told["t"] == "here":
        return control({**told, **random.choice([{"in": people}, {}])})
    return control({**told, **random.choice([{"in": people, "out": gone}, {}])})


def other(random: Random) -> str:
    """Other control messages; some are of later versions."""
    tag = random.choice(TAGS)
    return control(
        random.choice(
            [
                {"t": "live", "g": tag},
                {"t": "left", "g": tag},
                {"t": "beat"},
                {"t": "beat", "c": "another"},
                {"t": "bye", "within": 30},
                {"t": "later", "g": tag, "o": 1, "in": 5},
                {},
            ]
        )
    )


MAKERS: tuple[Callable[[Random], Message], ...] = (frame, frame, frame, at, at, presence, other)


def connection(random: Random) -> list[Message]:
    """What a server says until a connection breaks."""
    messages = [random.choice(MAKERS)(random) for _ in range(random.randrange(12))]
    if random.random() < 0.2:
        messages.append(random.choice(GARBAGE))
    greeting = [GREETING] if random.random() < 0.9 else []
    return [*greeting, *messages, frame(random)]


def odd_connection(random: Random) -> list[Message]:
    """Well-formed control messages with something odd in one place."""
    messages: list[Message] = [GREETING]
    for _ in range(4):
        made = random.choice([at, presence, other])(random)
        fields = {**json.loads(made[1:]), "within": 1, "retry": [0.1, 30], "beat": 25}
        if random.random() < 0.3:
            fields["t"] = "hello"
        fields[random.choice(list(fields))] = random.choice(ODD)
        messages.append(control(fields))
    return messages


def play(scenes: list[list[list[Message]]]) -> list[dict[str, Any]]:
    """What pages were told, and how they went on."""
    given = [[[as_data(message) for message in each] for each in scene] for scene in scenes]
    printed = run_node("play.mjs", directory=SCRIPTS, given=json.dumps(given))
    result: list[dict[str, Any]] = json.loads(printed)
    return result


@pytest.mark.parametrize("seed", range(3))
def test_random_frames(seed: int) -> None:
    """Pages are told the same, claim the same and give up at the same messages."""
    random = Random(seed)
    scenes = [[connection(random) for _ in range(5)] for _ in range(150)]
    for scene, found in zip(scenes, play(scenes), strict=True):
        page = ReferencePage()
        for messages, told in zip(scene, found["played"], strict=True):
            assert told == page.hear(messages), (scene, messages)
        assert found["after"] == AFTER, scene


def test_odd_fields() -> None:
    """What is well-formed but makes no sense raises nothing, and harms no other connection."""
    random = Random(1)
    scenes = [[odd_connection(random) for _ in range(3)] for _ in range(300)]
    for scene, found in zip(scenes, play(scenes), strict=True):
        assert found["after"] == AFTER, scene
