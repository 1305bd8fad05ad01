"""TCP's acknowledgements, which say whether the machine at the other end is there."""

from __future__ import annotations

import socket
from typing import Any

#: How often something may have been sent in vain: one packet may be lost, or on its way.
IN_VAIN = 1

#: Of Linux' ``struct tcp_info``: the state, that of congestion, how often something was sent once
#: more, and how often it was asked in vain whether there is room.
_INFO_SIZE = 4


def is_acknowledged(sock: Any) -> bool:
    """Whether the system at the other end answers, whatever its process does.

    A process that is stopped, or busy, is on a machine that answers for it; one whose machine or
    network is gone isn't. Where the system doesn't say, nobody answers.
    """
    if not hasattr(socket, "TCP_INFO"):
        return False
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO_SIZE)
    _, _, retransmits, probes = info
    return bool(retransmits <= IN_VAIN and probes <= IN_VAIN)
