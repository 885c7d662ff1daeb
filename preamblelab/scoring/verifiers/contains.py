"""Contains: texts that stand in the answer, and texts that do not."""

import re
import unicodedata

from preamblelab.domain.records import Response
from preamblelab.domain.verifiers import Contains
from preamblelab.scoring.verifiers.verification import Finding, no, quote, verifier


@verifier("contains", version="1")
def verify_contains(spec: Contains, response: Response) -> Finding:
    """The share of the wanted texts that are there; 0 when an unwanted one is."""
    text = _folded(response.text)

    def found(wanted: str) -> bool:
        word = _folded(wanted)
        if not spec.whole_words:
            return word in text
        return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) is not None

    unwanted = [word for word in spec.none_of if found(word)]
    if unwanted:
        return no(f"contains {', '.join(map(quote, unwanted))}")
    missing = [word for word in spec.all_of if not found(word)]
    evidence = [f"lacks {', '.join(map(quote, missing))}"] if missing else []
    demands, kept = len(spec.all_of), len(spec.all_of) - len(missing)
    if spec.any_of:
        chosen = [word for word in spec.any_of if found(word)]
        evidence.append(
            f"contains {quote(chosen[0])}"
            if chosen
            else f"contains none of {', '.join(map(quote, spec.any_of))}"
        )
        demands, kept = demands + 1, kept + bool(chosen)
    return Finding(kept / demands if demands else 1.0, tuple(evidence) or ("all as asked",))


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
