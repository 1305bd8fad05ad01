"""A management command that sends to groups and ends: ``... .command PART``, as for ``actor``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import django
from asgiref.sync import async_to_sync

from channels_bridge.layers import NatsChannelLayer
from compat_tests.groups.nats.faults.journal import Tally, message

#: How many messages it sends to each group.
MESSAGES = 3


def run(name: str, config: dict[str, Any], topics: list[str], tally: str) -> None:
    """Send them, one after the other, and leave no time for anything else."""
    layer, sent = NatsChannelLayer(**config), Tally(Path(tally), len(topics))
    for number in range(MESSAGES):
        for index, topic in enumerate(topics):
            async_to_sync(layer.group_send)(topic, message(name, topic, number + 1))
            sent.add(index)


if __name__ == "__main__":
    django.setup()
    run(**json.loads(sys.argv[1]))
