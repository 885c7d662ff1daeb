"""Regex: a pattern that is found in the answer, or is not."""

from preamblelab.domain.records import Response
from preamblelab.domain.verifiers import Regex
from preamblelab.scoring.verifiers.patterns import find
from preamblelab.scoring.verifiers.verification import Finding, no, quote, verifier, yes


@verifier("regex", version="1")
def verify_regex(spec: Regex, response: Response) -> Finding:
    """1 when the pattern is found (or, for `absent`, is not)."""
    text = response.text.strip() if spec.whole else response.text
    match = find(
        spec.pattern, text, seconds=spec.seconds, ignore_case=spec.ignore_case, whole=spec.whole
    )
    if match is None:
        return (yes if spec.absent else no)(f"no match of {quote(spec.pattern)}")
    return (no if spec.absent else yes)(f"{quote(match.group())} matches {quote(spec.pattern)}")
