"""Similarity: how like a reference an answer is; information about an answer, not proof."""

import unicodedata
from typing import Final

from preamblelab.domain.records import Response
from preamblelab.domain.verifiers import Similarity
from preamblelab.errors import MissingExtraError
from preamblelab.scoring.verifiers.verification import Finding, verifier

_LONGEST: Final = 20_000
"""Characters of an answer that are compared."""


@verifier("similarity", version="1")
def verify_similarity(spec: Similarity, response: Response) -> Finding:
    """The likeness from 0 to 1; with a bound, 1 or 0."""
    try:
        from rapidfuzz import fuzz
    except ImportError as error:
        raise MissingExtraError(
            "similarity needs the package rapidfuzz: pip install 'preamblelab[verifiers]'"
        ) from error
    compare = fuzz.token_sort_ratio if spec.compare == "words" else fuzz.ratio
    likeness = compare(_plain(spec.reference), _plain(response.text[:_LONGEST])) / 100
    said = f"likeness {likeness:.3f}"
    if spec.at_least is None:
        return Finding(likeness, (said,))
    return Finding(float(likeness >= spec.at_least), (f"{said}, {spec.at_least:g} asked",))


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
