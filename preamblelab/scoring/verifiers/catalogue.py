"""Verifiers by name, and a task's verification by all of its own."""

from collections.abc import Mapping
from typing import Any, Final

from preamblelab.domain.base import content_digest
from preamblelab.domain.records import Response
from preamblelab.domain.tasks import Task
from preamblelab.domain.verifiers import Verifier
from preamblelab.scoring.checks_reading import CheckResult
from preamblelab.scoring.scorers import Scorer
from preamblelab.scoring.verifiers.canary import verify_canary
from preamblelab.scoring.verifiers.choice import verify_choice
from preamblelab.scoring.verifiers.constraints import verify_constraints
from preamblelab.scoring.verifiers.contains import verify_contains
from preamblelab.scoring.verifiers.exact import verify_exact
from preamblelab.scoring.verifiers.findings import verify_findings
from preamblelab.scoring.verifiers.json_document import verify_json
from preamblelab.scoring.verifiers.numeric import verify_numeric
from preamblelab.scoring.verifiers.refusal import verify_refusal
from preamblelab.scoring.verifiers.regular_expression import verify_regex
from preamblelab.scoring.verifiers.similarity import verify_similarity
from preamblelab.scoring.verifiers.symbolic import verify_symbolic
from preamblelab.scoring.verifiers.tool_calls import verify_tool_calls
from preamblelab.scoring.verifiers.verification import (
    UnverifiableError,
    Verification,
    VerifierFunction,
)

VERIFIERS: Final[Mapping[str, VerifierFunction[Any]]] = {
    each.name: each
    for each in (
        verify_exact,
        verify_contains,
        verify_regex,
        verify_numeric,
        verify_symbolic,
        verify_choice,
        verify_json,
        verify_constraints,
        verify_refusal,
        verify_canary,
        verify_similarity,
        verify_tool_calls,
        verify_findings,
    )
}
"""Every verifier by the `kind` of the specs that it serves."""

VERIFIERS_VERSION: Final = content_digest({name: each.version for name, each in VERIFIERS.items()})
"""Changes whenever any verifier may find something else."""


def verify_one(spec: Verifier, response: Response) -> Verification:
    """What the verifier of a spec finds in a response; never raises."""
    return VERIFIERS[spec.kind](spec, response)


def verify(task: Task, response: Response) -> list[Verification]:
    """What each of a task's verifiers finds in a response, in the task's order.

    Pure but for limits of time (a pattern or a comparison that runs away is missing) and total:
    an error of a verifier's own is a missing share with a reason.
    """
    return [verify_one(spec, response) for spec in task.verify]


def share_of(verifications: list[Verification]) -> float:
    """The mean share of a task's verifications, from 0 to 1.

    Raises:
        UnverifiableError: there are none, or one of them is missing; the message says why.
    """
    if not verifications:
        raise UnverifiableError("the task has no verifiers: give it 'verify: [...]'")
    shares = []
    for each in verifications:
        if each.share is None:
            raise UnverifiableError(f"{each.verifier}: {each.reason}")
        shares.append(each.share)
    return sum(shares) / len(shares)


def verifiers(task: Task, response: Response) -> CheckResult:
    """The check `verifiers`: the mean share of the task's verifiers.

    Raises:
        UnverifiableError: a share is missing, which makes the criterion's points missing.
    """
    found = verify(task, response)
    evidence = (f"{each.verifier}: {line}" for each in found for line in each.evidence)
    return CheckResult(share_of(found), tuple(evidence))


def verifiers_scorer(dimension: str) -> Scorer:
    """A scorer that marks a whole dimension by the tasks' verifiers.

    Args:
        dimension: name of the rubric's dimension.
    """
    return Scorer(
        name="verifiers",
        dimension=dimension,
        function=lambda task, response: verifiers(task, response).share,
        version=VERIFIERS_VERSION,
    )
