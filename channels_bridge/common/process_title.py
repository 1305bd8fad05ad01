"""Process titles: what ``ps`` and ``top`` show of a process, where setproctitle is installed.

gunicorn and Celery do the same with the same package. It has an extra of its own, and ``standard``
is without it: what looks for a process by its command line does not find that any more.
"""

from __future__ import annotations


def make_title(role: str, application: str) -> str:
    """The title of one of a server's processes, in gunicorn's manner.

    Args:
        role: ``supervisor``, ``worker 0``, ``hub``.
        application: what the server serves, which tells servers on one machine apart; may be empty.
    """
    title = f"websockets_server: {role}"
    return f"{title} [{application}]" if application else title


def set_title(title: str) -> None:
    """Show this process under a title, if that can be done."""
    try:
        from setproctitle import setproctitle
    except ImportError:
        return
    setproctitle(title)
