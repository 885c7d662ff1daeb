"""Constraints: rules on an answer's form, to the letter (strict) or past its frame (loose)."""

from typing import NamedTuple

from preamblelab.domain.constraints import Constraint
from preamblelab.domain.records import Response
from preamblelab.domain.verifiers import Constraints
from preamblelab.scoring.verifiers.constraint_rules import keeps
from preamblelab.scoring.verifiers.verification import Finding, UnverifiableError, verifier


class ConstraintVerdict(NamedTuple):
    """Whether an answer keeps one constraint."""

    strict: bool
    """As the answer stands."""
    loose: bool
    """With or without its first line, its last line and its asterisks, whichever is best."""
    evidence: str


@verifier("constraints", version="1")
def verify_constraints(spec: Constraints, response: Response) -> Finding:
    """The share of the constraints that are kept, strictly or loosely as the spec says."""
    verdicts = [judge(constraint, response.text) for constraint in spec.all_of]
    kept = [verdict.loose if spec.loose else verdict.strict for verdict in verdicts]
    lines = [
        f"{'kept' if good else 'broken'}: {verdict.evidence}"
        for good, verdict in zip(kept, verdicts, strict=True)
    ]
    strict = sum(verdict.strict for verdict in verdicts)
    loose = sum(verdict.loose for verdict in verdicts)
    lines.append(f"strict {strict} of {len(verdicts)}, loose {loose} of {len(verdicts)}")
    return Finding(sum(kept) / len(kept), tuple(lines))


def judge(constraint: Constraint, text: str) -> ConstraintVerdict:
    """The strict and the loose verdict on one constraint, as IFEval defines the two.

    Raises:
        UnverifiableError: the language cannot be told.
        MissingExtraError: the package that tells languages is not installed.
    """
    if not text.strip():
        return ConstraintVerdict(False, False, "the answer is empty")
    strict = keeps(constraint, text)
    if strict.kept:
        return ConstraintVerdict(True, True, strict.evidence)
    for view in _views(text):
        try:
            loose = keeps(constraint, view)
        except UnverifiableError:
            # A part of the text that tells no language: the other parts may.
            continue
        if loose.kept:
            said = f"{strict.evidence} (loosely kept: {loose.evidence})"
            return ConstraintVerdict(False, True, said)
    return ConstraintVerdict(False, False, strict.evidence)


def _views(text: str) -> list[str]:
    """What may be left of a text: lines that frame it and asterisks taken away."""
    lines = text.split("\n")
    framed = [text] + ["\n".join(part).strip() for part in (lines[1:], lines[:-1], lines[1:-1])]
    views = [view.replace("*", "") for view in framed] + framed[1:]
    return [view for view in dict.fromkeys(views) if view.strip() and view != text]
