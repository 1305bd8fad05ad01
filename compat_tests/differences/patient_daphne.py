"""Daphne's command, which waits for closing handshakes as long as other servers do.

autobahn drops a client that has not answered a close frame within 1 s, and tells the application
1006. On a busy machine that is no time, and no option of Daphne's changes it.
"""

from __future__ import annotations

from daphne import server
from daphne.cli import CommandLineInterface
from daphne.ws_protocol import WebSocketFactory

HANDSHAKE = 20  # seconds


class PatientFactory(WebSocketFactory):
    def resetProtocolOptions(self):
        super().resetProtocolOptions()
        self.closeHandshakeTimeout = HANDSHAKE


if __name__ == "__main__":
    server.WebSocketFactory = PatientFactory
    CommandLineInterface.entrypoint()
