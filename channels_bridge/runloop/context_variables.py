"""Context variables that a consumer binds, for the middlewares around it.

Under Channels a consumer's handlers run in the task of its middlewares, or asgiref takes their
variables back from the thread: what a handler binds, such as the user for log lines, a middleware
finds when the consumer returns. Here consumers have tasks and threads of their own.
"""

from __future__ import annotations

from contextvars import Context, copy_context

# It also makes asgiref's own Locals, which know their thread, those of this one.
from asgiref.sync import _restore_context

_UNBOUND = object()


def adopt(context: Context, before: Context | None = None) -> None:
    """Bind here what has been bound in another context.

    Args:
        context: where it was.
        before: what that context was once; what has not changed since is left alone. By default
            what is bound here now.
    """
    before = copy_context() if before is None else before
    changed = [
        (variable, value)
        for variable, value in context.items()
        if before.get(variable, _UNBOUND) is not value
    ]
    if changed:
        bound = Context()
        for variable, value in changed:
            bound.run(variable.set, value)
        _restore_context(bound)
