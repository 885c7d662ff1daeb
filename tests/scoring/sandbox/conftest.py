"""One pool for all tests, and each language that can be isolated here."""

from collections.abc import Iterator

import pytest

from preamblelab.scoring.sandbox import Language, Pool
from preamblelab.scoring.sandbox.records import LANGUAGES
from tests.scoring.sandbox.requirements import need


@pytest.fixture(scope="session")
def pool() -> Iterator[Pool]:
    """A pool as users get it: its backend is chosen by self-test."""
    with Pool(workers=2) as made:
        yield made


@pytest.fixture(params=LANGUAGES)
def language(request: pytest.FixtureRequest) -> Language:
    """Each language that can run here."""
    found: Language = request.param
    need(found)
    return found
