"""Fixtures that every room of the tests shares."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.report.browsers import launched

# Shared machines pause at will: an example that took long is no failure.
settings.register_profile("shared", deadline=None, print_blob=True, max_examples=50)
# In CI the same examples each time: new ones are looked for where somebody can look at them.
settings.register_profile("ci", parent=settings.get_profile("shared"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "shared")


def pytest_collection_finish() -> None:
    """Take what is imported out of the sight of the garbage collector: it never goes away."""
    gc.collect()
    gc.freeze()


ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of recorded runs; tests that need it skip, with the reason, where it is absent."""
    folder = Path(os.environ.get("PREAMBLELAB_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(
            f"no recorded data at {folder}: set PREAMBLELAB_SHARED_DATA to the folder that holds it"
        )
    return folder


@pytest.fixture(scope="session")
def project_root() -> Path:
    """The root of the checkout."""
    return ROOT


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium without a window; tests that need it skip, with the reason, where it is absent.

    Its driver keeps an event loop running in this thread: no longer than a module needs it, or
    tests of others could not run theirs.
    """
    with launched() as found:
        yield found
