"""Who somebody is."""


def describe(scope):
    """What the URL says."""
    key = scope["url_route"]["kwargs"]["key"]
    return {"key": key, "info": {"name": key.title()}} if key != "ghost" else None
