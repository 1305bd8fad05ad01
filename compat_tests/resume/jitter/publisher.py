"""A process outside of the server that sends messages to the group, as a view or a command does.

``python -m compat_tests.resume.jitter.publisher`` sends each line of its input as a message, and
answers with an empty line once that is done, or else with the name of the exception. It begins with
an empty line.
"""

from __future__ import annotations

import sys

import django

from compat_tests.resume.jitter.speakers import GROUP


def main() -> None:
    """Send until the input ends."""
    django.setup()
    from channels_bridge.bench.project.views import send

    send("chat_warm-up", "all is imported and connected then")
    print(flush=True)
    for line in sys.stdin:
        try:
            send(f"chat_{GROUP}", line.strip())  # type: ignore[no-untyped-call]
        except Exception as error:
            print(type(error).__name__, flush=True)
        else:
            print(flush=True)


if __name__ == "__main__":
    main()
