"""The project's pages, on the same port as its WebSockets."""

from __future__ import annotations

from compat_tests.parity.site import Site, serve


def test_page(site: Site) -> None:
    """A page is served."""
    response = site.request("GET", "/")
    assert (response.status, response.content) == (200, b"Welcome, AnonymousUser")


def test_body(site: Site) -> None:
    """A view gets the whole body of a request."""
    body = bytes(range(256)) * 2000
    response = site.request("PUT", "/echo/?a=1", body)
    assert response.status == 200
    assert response.content == body
    assert response.headers["X-Method"] == "PUT"
    assert response.headers["X-Query"] == "a=1"


def test_head(site: Site) -> None:
    """A HEAD request has no body."""
    response = site.request("HEAD", "/")
    assert (response.status, response.content) == (200, b"")


def test_stream(site: Site) -> None:
    """A streaming response arrives whole."""
    response = site.request("GET", "/stream/")
    assert response.content.split() == [b"%d" % number for number in range(1000)]


def test_keep_alive(site: Site) -> None:
    """Several requests use one connection."""
    with site.http() as client:
        for _ in range(3):
            client.request("GET", "/")
            response = client.getresponse()
            assert response.status == 200
            response.read()


def test_not_found(site: Site) -> None:
    """An unknown page is a 404."""
    assert site.request("GET", "/nowhere/").status == 404


def test_crash(site: Site) -> None:
    """A view that raises is a 500 without details, logged with its traceback."""
    response = site.request("GET", "/crash/")
    assert response.status == 500
    assert b"crashed" not in response.content
    site.wait_for_log("RuntimeError: the crash view crashed")


def test_wrong_host(site: Site) -> None:
    """A Host that is not in ALLOWED_HOSTS is a 400."""
    assert site.request("GET", "/", host="evil.example").status == 400


def test_static_files_in_debug(database) -> None:
    """With DEBUG, static files are served as ``runserver`` serves them."""
    with serve("bridge-1", database, SAMPLE_DEBUG="1") as site:
        response = site.request("GET", "/static/lobby/hello.txt")
        assert (response.status, response.content) == (200, b"a static file\n")
        assert site.request("GET", "/static/lobby/missing.txt").status == 404


def test_no_static_files_without_debug(ours: Site) -> None:
    """Without DEBUG, static files are someone else's job."""
    assert ours.request("GET", "/static/lobby/hello.txt").status == 404
