"""Exact: the answer is one of some texts."""

from preamblelab.domain.records import Response
from preamblelab.domain.verifiers import Exact
from preamblelab.scoring.verifiers.reading import normal, passage
from preamblelab.scoring.verifiers.verification import Finding, no, quote, verifier, yes


@verifier("exact", version="1")
def verify_exact(spec: Exact, response: Response) -> Finding:
    """1 when the answer, or the part of it that is read, is one of the spec's texts."""
    found = passage(response.text, spec.read).text
    for answer in spec.answer:
        same = answer.strip() == found if spec.as_written else normal(answer) == normal(found)
        if same:
            return yes(f"is {quote(answer)}")
    return no(f"{quote(found)} is not {' or '.join(quote(each) for each in spec.answer)}")
