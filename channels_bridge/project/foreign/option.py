"""One row of the tables: an option of another server, and remarks that many have."""

from __future__ import annotations

from typing import NamedTuple


class Option(NamedTuple):
    """One row: options of another server that are alike, and what takes their place.

    Attributes:
        theirs: the names of options that are alike, with commas; empty where only we have one.
        ours: what takes their place, as it is written; empty where nothing does.
        remark: what there is to say; with the guide's markup.
        value: whether theirs take a value.
    """

    theirs: str
    ours: str
    remark: str = ""
    value: bool = True


TLS = "Python's defaults; for client certificates, use a proxy in front"
SETTINGS = "Django's settings"
LOGGING = "use the setting `LOGGING`"
STARTS = "left to what starts the server: systemd, a container, supervisor"
NOT_YET = "there is nothing like it yet"
