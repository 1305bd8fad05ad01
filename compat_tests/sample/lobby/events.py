"""A record of what happened to each connection.

One JSON line per event goes into the file that `SAMPLE_EVENTS` names. A client names its connection
with `?id=...`.
"""

import json
import os
from urllib.parse import parse_qs


def record(scope, event, **details):
    query = parse_qs(scope["query_string"].decode())
    line = json.dumps({"id": query.get("id", [""])[0], "event": event, **details}) + "\n"
    with open(os.environ["SAMPLE_EVENTS"], "ab", buffering=0) as file:
        file.write(line.encode())
