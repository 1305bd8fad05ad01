"""``python -m compat_tests.resume.jitter.keep COMMAND...``: run it again whenever it ends.

As an init system does with a server that has no supervisor of its own: what is killed comes back.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time

# Seconds before it is run again, so that a command that can't run doesn't keep a core busy.
PAUSE = 0.1


def main() -> None:
    """Run the command until this process is told to end."""
    process: subprocess.Popen[bytes] | None = None

    def end(*_: object) -> None:
        if process is not None:
            process.terminate()
        sys.exit(0)

    signal.signal(signal.SIGTERM, end)
    while True:
        process = subprocess.Popen(sys.argv[1:])
        process.wait()
        time.sleep(PAUSE)


if __name__ == "__main__":
    main()
