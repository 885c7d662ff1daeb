"""Who may ask the viewer: one person, from this machine, on pages of its own.

The answers in a store are private, and were written by models: so nobody else on this machine may
read them, no other site that the person's browser has open may, and nothing in them may run.
"""

import secrets
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from preamblelab.report.html.page import POLICY

HOST: Final = "127.0.0.1"

HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
        "img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
"""On every answer. No script or style but our own files; no frame, no other origin, no copy kept.

https://owasp.org/www-project-secure-headers/
"""

REPORT_HEADERS: Final = {"Content-Security-Policy": f"{POLICY}; frame-ancestors 'none'"}
"""On a whole report, which has its style in itself and runs no script."""

ENTERED: Final = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>preamblelab</title>'
    '<link rel="icon" href="data:,">'
    '<meta http-equiv="refresh" content="0; url=/"><a href="/">preamblelab</a></html>'
)
"""Answers an address with the token. A redirect would not do: a browser that came from another
site sends no strict cookie along with it, but does with a step that our own page makes."""


class Guard:
    """Lets in who has the token, or the cookie that the token gave."""

    def __init__(self) -> None:
        self.token = secrets.token_urlsafe(32)
        """In the address that is printed; good as long as the viewer runs."""
        self._once = secrets.token_urlsafe(32)
        self._cookie = secrets.token_urlsafe(32)
        self.port = 0
        """Where the viewer listens."""

    @property
    def address(self) -> str:
        """What a person opens."""
        return f"http://{HOST}:{self.port}/?token={self.token}"

    @property
    def address_once(self) -> str:
        """The same for one use: other users of the machine can see how a browser is started."""
        return f"http://{HOST}:{self.port}/?token={self._once}"

    @property
    def middleware(self) -> Middleware:
        """For the application: every request goes through it, errors included."""

        @web.middleware
        async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
            response: web.StreamResponse
            try:
                early = self._refusal(request) or self._entering(request)
                response = await handler(request) if early is None else early
            except web.HTTPException as error:
                response = _plain(error.status, error.reason)
            for name, value in HEADERS.items():
                response.headers.setdefault(name, value)
            return response

        return guarded

    def _refusal(self, request: web.Request) -> web.Response | None:
        """Why this request is not looked at; None where it may go on."""
        own = {f"{HOST}:{self.port}", f"localhost:{self.port}"}
        # A name of the attacker's that points here (DNS rebinding) would be an origin of ours.
        if request.headers.get("Host", "") not in own:
            return _plain(403, f"this viewer answers at {HOST}:{self.port} only")
        origin = request.headers.get("Origin")
        if origin is not None and origin not in {f"http://{host}" for host in own}:
            return _plain(403, "other sites may not ask this viewer")
        if request.method not in {"GET", "HEAD"}:
            return _plain(405, "this viewer shows, it changes nothing: GET only")
        return None

    def _entering(self, request: web.Request) -> web.Response | None:
        """The answer to who comes with a token, right or wrong, or without anything."""
        given = request.query.get("token")
        if given is None:
            if _same(request.cookies.get(self._cookie_name, ""), self._cookie):
                return None
            return _plain(403, "open the address that `preamblelab view` printed: it has the token")
        if _same(given, self._once):
            self._once = secrets.token_urlsafe(32)
        elif not _same(given, self.token):
            return _plain(403, "this token is not, or no longer, good: start from the address that "
                          "`preamblelab view` printed")  # fmt: skip
        response = web.Response(text=ENTERED, content_type="text/html")
        response.set_cookie(
            self._cookie_name, self._cookie, httponly=True, samesite="Strict", path="/"
        )
        return response

    @property
    def _cookie_name(self) -> str:
        """Browsers send cookies to every port of a host: two viewers must not overwrite theirs."""
        return f"preamblelab-{self.port}"


def _same(given: str, right: str) -> bool:
    """Compared in constant time."""
    return secrets.compare_digest(given.encode("utf-8", "replace"), right.encode("ascii"))


def _plain(status: int, reason: str) -> web.Response:
    return web.Response(status=status, text=f"{status}: {reason}\n", content_type="text/plain")
