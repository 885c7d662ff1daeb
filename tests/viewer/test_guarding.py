"""Nobody but the person who started the viewer sees a page."""

import html
import http.client
from collections.abc import Iterator
from contextlib import closing
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import quote

import pytest

from preamblelab.store import Store
from preamblelab.viewer.guarding import Guard
from tests.viewer.serving import fill, serving


@pytest.fixture(scope="module")
def guard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guard]:
    path = tmp_path_factory.mktemp("viewer") / "runs.db"
    with Store(path) as store:
        fill(store, tasks=3)
    with serving(path) as guard:
        yield guard


def ask(
    guard: Guard, path: str, *, method: str = "GET", host: str = "", **headers: str
) -> tuple[http.client.HTTPResponse, str]:
    connection = http.client.HTTPConnection("127.0.0.1", guard.port, timeout=20)
    connection.putrequest(method, path, skip_host=True)
    connection.putheader("Host", host or f"127.0.0.1:{guard.port}")
    for name, value in headers.items():
        connection.putheader(name.replace("_", "-"), value)
    connection.endheaders()
    response = connection.getresponse()
    with closing(connection):
        return response, response.read().decode("utf-8")


def cookie_of(guard: Guard, token: str) -> str:
    response, _ = ask(guard, f"/?token={token}")
    assert response.status == 200
    (cookie,) = SimpleCookie(response.headers["Set-Cookie"]).values()
    assert cookie["httponly"]
    assert cookie["samesite"] == "Strict"
    assert token not in cookie.value
    return f"{cookie.key}={cookie.value}"


PATHS = ("/", "/trials?experiment=e", "/text?experiment=e&trial=0", "/viewer.css", "/nowhere")


@pytest.mark.parametrize("path", PATHS)
def test_without_the_token_there_is_nothing(guard: Guard, path: str) -> None:
    for more in ({}, {"Cookie": f"preamblelab-{guard.port}=guessed"}):
        response, body = ask(guard, path, **more)
        assert response.status == 403
        assert "answer of a" not in body


@pytest.mark.parametrize("token", ["wrong", "", "é", "a" * 5000])
def test_a_wrong_token_opens_nothing(guard: Guard, token: str) -> None:
    response, _ = ask(guard, f"/?token={quote(token)}")
    assert response.status == 403
    assert "Set-Cookie" not in response.headers


def test_the_token_gives_a_cookie_and_the_cookie_opens_the_pages(guard: Guard) -> None:
    cookie = cookie_of(guard, guard.token)
    response, body = ask(guard, "/trials?experiment=e", Cookie=cookie)
    assert response.status == 200
    assert "careful" in body


def test_the_token_of_the_browser_that_we_start_is_good_once(guard: Guard) -> None:
    once = guard.address_once.partition("token=")[2]
    assert once != guard.token
    cookie_of(guard, once)
    response, _ = ask(guard, f"/?token={once}")
    assert response.status == 403


def test_another_host_is_refused_even_with_the_cookie(guard: Guard) -> None:
    cookie = cookie_of(guard, guard.token)
    for host in ("evil.example", f"evil.example:{guard.port}", "127.0.0.1", "127.0.0.1:1"):
        response, body = ask(guard, "/", host=host, Cookie=cookie)
        assert (response.status, "Experiments" in body) == (403, False)
    response, _ = ask(guard, "/", host=f"localhost:{guard.port}", Cookie=cookie)
    assert response.status == 200


def test_another_origin_and_another_method_are_refused(guard: Guard) -> None:
    cookie = cookie_of(guard, guard.token)
    for origin in ("https://evil.example", "null", "http://127.0.0.1:1"):
        response, _ = ask(guard, "/", Cookie=cookie, Origin=origin)
        assert response.status == 403
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        response, _ = ask(guard, "/", method=method, Cookie=cookie)
        assert response.status == 405


@pytest.mark.parametrize("path", [*PATHS, "/?token=wrong"])
def test_every_answer_forbids_scripts_frames_referrers_and_copies(guard: Guard, path: str) -> None:
    cookie = cookie_of(guard, guard.token)
    for more in ({}, {"Cookie": cookie}):
        response, _ = ask(guard, path, **more)
        policy = response.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert response.headers["X-Frame-Options"] == "DENY"
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Cache-Control"] == "no-store"
        assert "Access-Control-Allow-Origin" not in response.headers


def test_a_whole_report_brings_its_style_and_may_run_nothing(guard: Guard) -> None:
    cookie = cookie_of(guard, guard.token)
    while "being made" in (answer := ask(guard, "/report?experiment=e", Cookie=cookie))[1]:
        assert "unsafe" not in answer[0].headers["Content-Security-Policy"]
    response, body = answer
    assert response.status == 200
    assert "Verdict on careful" in body
    policy = response.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'")
    assert "script-src" not in policy


@pytest.mark.parametrize(
    ("status", "path", "words"),
    [
        (404, "/experiment?experiment=no", "no experiment named"),
        (400, "/experiment", "names no experiment"),
        (400, "/trials?experiment=e&lowest=much", "lowest: a score is a number from 0 to 100"),
        (400, "/trials?experiment=e&after=x", "after is a whole number"),
        (404, "/trials?experiment=e&after=999", "has no trial number 999"),
        (400, "/trials?experiment=e&sort=salary", "cannot sort by"),
        (400, "/trials?experiment=e&direction=left", "directions up, down"),
        (400, "/trials?experiment=e&model=z", "no trial has the model 'z': there are a, b"),
        (400, "/trials?experiment=e&status=fine", "no trial has the status 'fine': there are ok"),
        (400, "/trials?experiment=e&staus=ok", "cannot be asked by 'staus': filters are"),
        (400, "/trials?experiment=e&unscored=yes", "unscored is 1 or left out, not 'yes'"),
        (404, "/pair?experiment=e&trial=99", "has no trial number 99"),
        (404, "/nowhere", "there is no page at this address"),
    ],
)
def test_a_question_that_cannot_be_answered_says_why(
    guard: Guard, status: int, path: str, words: str
) -> None:
    response, body = ask(guard, path, Cookie=cookie_of(guard, guard.token))
    assert response.status == status
    assert words in html.unescape(body)
    assert '<a href="/">Experiments</a>' in body, "a way back"
    assert ('<a href="/experiment?experiment=e">e</a>' in body) is ("experiment=e" in path)
    assert "Traceback" not in body


def test_what_may_come_while_a_run_works_is_no_mistake(guard: Guard) -> None:
    response, body = ask(
        guard, "/trials?experiment=e&status=failed", Cookie=cookie_of(guard, guard.token)
    )
    assert response.status == 200
    assert "0 of" in body


def test_a_file_that_is_no_store_is_refused_before_anything_listens(tmp_path: Path) -> None:
    from preamblelab.errors import StoreError
    from preamblelab.viewer.server import Viewer

    with pytest.raises(StoreError, match="there is no store"):
        Viewer(tmp_path / "no.db")
