"""A real browser for tests: offline, watched, with or without JavaScript."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


def chromium() -> str:
    """Where Chromium is; a test that needs it skips, with the reason, where there is none."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.skip("no chromium on the path: install the package of that name (apt, brew)")
    pytest.importorskip("playwright", reason="playwright is not installed")
    return found


@contextmanager
def launched() -> Iterator[Any]:
    """A browser; closed afterwards."""
    from playwright.sync_api import sync_playwright

    path = chromium()
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


class Watched:
    """A page that was opened without a network, and all that it tried."""

    def __init__(self, browser: Any, file: Path, *, script: bool = True, **options: Any) -> None:
        """Open a file; `options` are those of a browser context."""
        self.tried: list[str] = []
        context = browser.new_context(offline=True, java_script_enabled=script, **options)
        self.page = context.new_page()
        self.page.on("request", lambda request: self.tried.append(request.url))
        self.page.on("pageerror", lambda error: self.tried.append(f"error: {error}"))
        self.page.on("dialog", lambda dialog: self.tried.append(f"dialog: {dialog.message}"))
        self.page.on("console", lambda message: self.tried.append(f"console: {message.text}"))
        self.page.goto(file.resolve().as_uri())
        self.tried.remove(file.resolve().as_uri())
