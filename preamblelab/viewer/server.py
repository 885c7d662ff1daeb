"""Listens on 127.0.0.1 and answers with pages, until somebody presses Ctrl-C."""

import asyncio
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from aiohttp import web

from preamblelab.errors import PreamblelabError, SpecError, StoreError
from preamblelab.report.markup import Markup
from preamblelab.viewer.addresses import AddressError, Query
from preamblelab.viewer.guarding import HOST, REPORT_HEADERS, Guard
from preamblelab.viewer.pages import compare, experiment, experiments, pair, trials
from preamblelab.viewer.pages.shell import Crumb, experiment_crumb, problem, shell, style
from preamblelab.viewer.source import Source

Page = Callable[[Source, Query], Markup]

PAGES: Final[Mapping[str, Page]] = {
    "/": experiments.page,
    "/experiment": experiment.page,
    "/progress": experiment.progress,
    "/verdict": experiment.verdict,
    "/report": experiment.whole_report,
    "/trials": trials.page,
    "/pair": pair.page,
    "/compare": compare.page,
}
_STATIC: Final = Path(__file__).parent / "static"


class Viewer:
    """A running viewer: use it as a context."""

    def __init__(self, store: Path, port: int = 0) -> None:
        """Open the store.

        Args:
            store: the file; it is only read.
            port: where to listen; 0 takes any that is free.

        Raises:
            StoreError: the store cannot be read.
        """
        self.guard = Guard()
        self.source = Source(store)
        self._port = port
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> "Viewer":
        """Begin to listen.

        Raises:
            SpecError: the port is taken.
        """
        self._runner = web.AppRunner(self._application(), access_log=None)
        await self._runner.setup()
        try:
            site = web.TCPSite(self._runner, HOST, self._port)
            await site.start()
        except OSError as error:
            await self.__aexit__()
            raise SpecError(
                f"cannot listen on {HOST}:{self._port} ({error.strerror}): name another --port, "
                "or leave it out"
            ) from None
        self.guard.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
        self.source.close()

    def _application(self) -> web.Application:
        application = web.Application(middlewares=[self.guard.middleware])
        for path, page in PAGES.items():
            application.router.add_get(path, self._answering(page))
        application.router.add_get("/text", self._text)
        for name in ("viewer.js", "favicon.svg"):
            application.router.add_get(f"/{name}", _file(_STATIC / name))
        application.router.add_get("/viewer.css", _style)
        application.router.add_get("/{rest:.*}", self._answering(_no_page))
        return application

    def _answering(self, page: Page) -> Callable[[web.Request], "asyncio.Future[web.Response]"]:
        async def answer(request: web.Request) -> web.Response:
            status = 200
            try:
                body = await asyncio.to_thread(page, self.source, request.query)
            except PreamblelabError as error:
                status, title = _wrong(error)
                crumbs = _way_back(self.source, request.query)
                body = shell(self.source, title, problem(error), crumbs=crumbs)
            headers = REPORT_HEADERS if isinstance(body, experiment.OwnPage) else None
            return web.Response(
                text=str(body), status=status, content_type="text/html", headers=headers
            )

        return answer  # type: ignore[return-value]

    async def _text(self, request: web.Request) -> web.Response:
        """A text of a trial as it is, for what is too long for a page."""
        try:
            words = await asyncio.to_thread(pair.whole_text, self.source, request.query)
        except PreamblelabError as error:
            return web.Response(status=_wrong(error)[0], text=f"{error}\n")
        shown = words.encode("utf-8", "backslashreplace")
        return web.Response(body=shown, content_type="text/plain", charset="utf-8")


def _wrong(error: PreamblelabError) -> tuple[int, str]:
    """The status and the title of a page that says why something cannot be shown."""
    if isinstance(error, StoreError):
        return 500, "Cannot be read"
    return (400, "Not understood") if isinstance(error, AddressError) else (404, "Not found")


def _way_back(source: Source, query: Query) -> list[Crumb]:
    """To the experiment that an address names, where it is one."""
    name = query.get("experiment", "")
    known = name and source.store.plan_digest(name) is not None
    return [experiment_crumb(name)] if known else []


def _no_page(_: Source, __: Query) -> Markup:
    raise SpecError("there is no page at this address: start from the list of experiments")


def _file(path: Path) -> Callable[[web.Request], "asyncio.Future[web.StreamResponse]"]:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.FileResponse(path)

    return answer  # type: ignore[return-value]


async def _style(_: web.Request) -> web.Response:
    return web.Response(text=style(), content_type="text/css")


def serve(store: Path, port: int, ready: Callable[[Guard], None]) -> None:
    """Serve a store until a signal ends it.

    Args:
        store: the file; it is only read, also while a run writes to it.
        port: where to listen on 127.0.0.1; 0 takes any that is free.
        ready: is told the addresses once the viewer listens.

    Raises:
        StoreError: the store cannot be read.
        SpecError: the port is taken.
    """
    asyncio.run(_serve(store, port, ready))


async def _serve(store: Path, port: int, ready: Callable[[Guard], None]) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # Windows: Ctrl-C raises KeyboardInterrupt instead
            loop.add_signal_handler(name, ended.set)
    async with Viewer(store, port) as viewer:
        ready(viewer.guard)
        await ended.wait()
