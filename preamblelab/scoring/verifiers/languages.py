"""Which language a text is written in, by the library langdetect, the same one every time."""

from functools import lru_cache
from typing import Any, Final

from preamblelab.errors import MissingExtraError
from preamblelab.scoring.verifiers.verification import UnverifiableError

_LONGEST: Final = 10_000
"""Characters that are read; a language shows in far fewer."""


@lru_cache(maxsize=1)
def _factory() -> Any:
    # Reading its profiles takes a second, and only tasks about languages need it.
    try:
        from langdetect.detector_factory import (
            PROFILES_DIRECTORY,
            DetectorFactory,
        )
    except ImportError as error:
        raise MissingExtraError(
            "languages need the package langdetect: pip install 'preamblelab[verifiers]'"
        ) from error
    factory = DetectorFactory()
    factory.load_profile(PROFILES_DIRECTORY)
    # Without a seed its draws, and so its answers on short texts, differ from run to run.
    factory.seed = 0
    return factory


def language_of(text: str) -> str:
    """The ISO 639-1 code of a text's language; Chinese is `zh-cn` or `zh-tw`.

    Raises:
        UnverifiableError: nothing in the text tells one (no letters).
        MissingExtraError: the package langdetect is not installed.
    """
    factory = _factory()
    from langdetect import LangDetectException

    detector = factory.create()
    detector.append(text[:_LONGEST])
    try:
        return str(detector.detect())
    except LangDetectException:
        raise UnverifiableError("the text holds no letters that tell its language") from None
