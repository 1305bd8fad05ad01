"""What the server and the hub both have to know of unix sockets."""

from __future__ import annotations

import sys

#: Bytes of a socket's path: sun_path less its final zero, 108 on Linux, 104 on the BSDs and macOS.
MAX_PATH = 107 if sys.platform == "linux" else 103
