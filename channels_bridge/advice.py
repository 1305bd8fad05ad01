"""What may surprise about a server that starts: sentences, for WARNING lines of its log.

System checks know settings alone. These know the options, too, and appear only where they matter.
"""

from __future__ import annotations

from collections.abc import Iterator

from .server.extras import how_to_install, missing


def about_pages(http: bool) -> Iterator[str]:
    """Pages are asked for, and can't be served."""
    if http and (packages := missing("http")):
        yield (
            "pages are not served, a request that is no WebSocket handshake is answered 426: "
            f"{how_to_install(packages)}"
        )
