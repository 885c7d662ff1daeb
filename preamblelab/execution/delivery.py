"""Did the preamble reach the model? Evidence before a model's first trial and after the run.

Three kinds of evidence, from strong to weak: the server counts more prompt tokens when a preamble
is sent; a canary instruction is obeyed; long answers under different system texts begin alike.
Counted tokens outweigh the rest, in both directions; a canary that is ignored says nothing, for
a model may fail to obey what it has read.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from preamblelab.domain.facts import ModelFacts
from preamblelab.domain.models import ModelSpec
from preamblelab.domain.records import Request, Response
from preamblelab.execution.gateway import ANSWER_LIMITS, limit_name

State = Literal["delivered", "undelivered", "unknown"]

CHARACTERS_PER_TOKEN: Final = 4.0
SHARED_BEGINNING: Final = 300
"""Characters that two answers must share to count as one answer under two preambles."""
LEAST_TOKENS: Final = 20
"""Preambles that differ by fewer tokens leave no trace in a count."""
LOST_SHARE: Final = 0.25
"""Fewer of the expected tokens than this arrived: the preamble did not."""
ARRIVED_SHARE: Final = 0.5
PROBE_TOKENS: Final = 48
"""The longest answer that a probe is given."""
VENDOR_TOKENS: Final = 14
"""Prompt tokens beyond message and template that point to a system text of the vendor's."""


IGNORED: Final = (
    "it arrived (counted tokens show it), yet answers under different system texts begin alike: "
    "the model may ignore what it has read"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What is known about the delivery of preambles to one model."""

    state: State
    reasons: tuple[str, ...] = ()
    """Each one line: what was seen, and how to mend it."""
    notes: tuple[str, ...] = ()
    """What a reader should know, although it does not decide."""
    evidence: Mapping[str, Any] = field(default_factory=dict)


def canary_of(model: ModelSpec) -> str:
    """A word that no answer holds by chance; the same for a model in every run."""
    return "KX" + hashlib.blake2b(model.id.encode(), digest_size=4).hexdigest().upper()


CANARY_USER: Final = "Name one colour."


def canary_system(word: str) -> str:
    """A system message that asks for a word, long enough to show in a token count."""
    return (
        f"Begin your answer with the word {word}, exactly as it is written here, and then answer. "
        "This instruction checks whether system messages arrive: whoever reads it should follow "
        "it, whatever else is asked, and need not explain it. The rest of this message only makes "
        "it long enough to be seen in a count of tokens, so that a text which is dropped, cut or "
        f"replaced on its way can be told from one that has arrived. The word is {word}."
    )


def probes(model: ModelSpec, settings: Mapping[str, Any]) -> tuple[Request, Request]:
    """Two short calls: without and with a system message."""
    limited = {name: value for name, value in settings.items() if name not in ANSWER_LIMITS}
    limited[limit_name(settings)] = PROBE_TOKENS
    user = {"role": "user", "content": CANARY_USER}
    system = {"role": "system", "content": canary_system(canary_of(model))}
    bare = Request(model=model, messages=(user,), settings=limited, role="probe")
    return bare, Request(model=model, messages=(system, user), settings=limited, role="probe")


def judge_probes(model: ModelSpec, bare: Response, canary: Response) -> Finding:
    """What the two probes say.

    Args:
        model: the model that was probed.
        bare: the answer without a system message.
        canary: the answer under the canary.
    """
    word = canary_of(model)
    notes = _vendor_notes(bare)
    if not canary.answered:
        return _refused(bare, canary, notes)
    obeyed = word in canary.text or word in canary.reasoning
    expected = len(canary_system(word)) / CHARACTERS_PER_TOKEN
    counted = _token_difference(bare, canary)
    evidence = {"canary_obeyed": obeyed, "tokens_expected": round(expected)}
    if counted is not None:
        evidence["tokens_counted"] = counted
    if counted is not None and counted < LOST_SHARE * expected and not obeyed:
        reason = (
            f"a system message of about {expected:.0f} tokens raised the prompt by {counted}: the "
            "server drops it; check the chat template, or put the preamble into the user message"
        )
        return Finding(state="undelivered", reasons=(reason,), notes=notes, evidence=evidence)
    if obeyed or (counted is not None and counted >= ARRIVED_SHARE * expected):
        return Finding(state="delivered", notes=notes, evidence=evidence)
    return Finding(state="unknown", notes=notes, evidence=evidence)


def _refused(bare: Response, canary: Response, notes: tuple[str, ...]) -> Finding:
    evidence = {"bare": bare.status, "canary": canary.reason}
    if bare.answered and canary.reason.startswith("permanent"):
        reason = (
            "the server refuses a system message and answers without one "
            f"({canary.reason}); put the preamble into the user message"
        )
        return Finding(state="undelivered", reasons=(reason,), notes=notes, evidence=evidence)
    return Finding(state="unknown", notes=notes, evidence=evidence)


def _vendor_notes(bare: Response) -> tuple[str, ...]:
    if bare.prompt_tokens is None or bare.estimated:
        return ()
    own = len(CANARY_USER) / CHARACTERS_PER_TOKEN
    extra = bare.prompt_tokens - own
    if extra <= VENDOR_TOKENS:
        return ()
    note = (
        f"without a system message the prompt still holds about {extra:.0f} tokens more than the "
        "user's words: the chat template may fill in a system text of the vendor's, which a "
        "preamble then replaces; the baseline is that text, not nothing"
    )
    return (note,)


def static_findings(
    model: ModelSpec, facts: ModelFacts, longest_prompt_characters: int, answer_tokens: int | None
) -> Finding | None:
    """What the plan alone shows, before any call; None when nothing speaks against delivery."""
    if model.id.startswith("ollama/"):
        better = "ollama_chat/" + model.id.removeprefix("ollama/")
        reason = (
            "'ollama/' writes the preamble into the user's prompt under another heading; "
            f"use '{better}'"
        )
        return Finding(state="undelivered", reasons=(reason,))
    needed = longest_prompt_characters / CHARACTERS_PER_TOKEN
    if facts.context is not None and needed > facts.context:
        reason = (
            f"the longest prompt has about {needed:.0f} tokens and the context holds "
            f"{facts.context}: the server cuts it, often at the preamble; raise num_ctx"
        )
        return Finding(state="undelivered", reasons=(reason,))
    if facts.context is not None and answer_tokens and needed + answer_tokens > facts.context:
        note = (
            f"prompt (about {needed:.0f} tokens) and answer ({answer_tokens}) do not fit a context "
            f"of {facts.context} together: long answers may push the preamble out"
        )
        return Finding(state="unknown", notes=(note,))
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the review needs to know of one stored answer."""

    model: str
    system: str
    """Digest of the system message; empty when none was sent."""
    system_characters: int
    question: str
    """Digest of all other messages: equal for the same task."""
    question_characters: int
    beginning: str
    """Digest of the first `SHARED_BEGINNING` characters; empty for a shorter answer."""
    prompt_tokens: int | None
    """As the server counted; None for an estimate."""


def review(answers: Iterable[Answer]) -> dict[str, Finding]:
    """What the answers of a whole store say about each model, across experiments.

    Args:
        answers: all answers of the models in question, in any order.

    Returns:
        One finding for each model; `unknown` where the answers say nothing either way.
    """
    by_model: dict[str, list[Answer]] = {}
    for answer in answers:
        by_model.setdefault(answer.model, []).append(answer)
    return {model: _review_model(own) for model, own in by_model.items()}


def _review_model(answers: Sequence[Answer]) -> Finding:
    counted = _counted_share(answers)
    alike, compared = _alike_tasks(answers)
    evidence: dict[str, Any] = {"tasks_compared": compared, "tasks_alike": alike}
    if counted is not None:
        evidence["token_share"] = round(counted, 3)
        if counted < LOST_SHARE:
            reason = (
                f"only {counted:.0%} of the tokens that the preambles add were counted in the "
                "prompts: they are dropped or cut; check num_ctx and the chat template"
            )
            return Finding(state="undelivered", reasons=(reason,), evidence=evidence)
        if counted >= ARRIVED_SHARE:
            return Finding(state="delivered", evidence=evidence)
    if compared and alike / compared >= 0.5:
        reason = (
            f"in {alike} of {compared} tasks, answers under different system texts share their "
            f"first {SHARED_BEGINNING} characters or more: the preamble most likely never arrived "
            "(a base model, or a template without a system role)"
        )
        return Finding(state="undelivered", reasons=(reason,), evidence=evidence)
    return Finding(state="unknown", evidence=evidence)


def _alike_tasks(answers: Sequence[Answer]) -> tuple[int, int]:
    """Tasks whose answers begin alike under different system texts, and tasks compared."""
    systems: dict[str, dict[str, set[str]]] = {}
    for answer in answers:
        if answer.beginning:
            beginnings = systems.setdefault(answer.question, {})
            beginnings.setdefault(answer.beginning, set()).add(answer.system)
    comparable = [b for b in systems.values() if len(set().union(*b.values())) >= 2]
    alike = [b for b in comparable if any(len(under) >= 2 for under in b.values())]
    return len(alike), len(comparable)


def _counted_share(answers: Sequence[Answer]) -> float | None:
    """Share of the tokens expected from the preambles that the server counted."""
    cells: dict[str, dict[str, tuple[int, list[int]]]] = {}
    for answer in answers:
        if answer.prompt_tokens is not None:
            arms = cells.setdefault(answer.question, {})
            arms.setdefault(answer.system, (answer.system_characters, []))[1].append(
                answer.prompt_tokens
            )
    expected = counted = 0.0
    for arms in cells.values():
        shortest, longest = min(arms.values()), max(arms.values())
        wanted = (longest[0] - shortest[0]) / CHARACTERS_PER_TOKEN
        if wanted >= LEAST_TOKENS:
            expected += wanted
            counted += sum(longest[1]) / len(longest[1]) - sum(shortest[1]) / len(shortest[1])
    return counted / expected if expected else None


def _token_difference(bare: Response, canary: Response) -> int | None:
    if bare.estimated or canary.estimated:
        return None
    if bare.prompt_tokens is None or canary.prompt_tokens is None:
        return None
    return canary.prompt_tokens - bare.prompt_tokens


def joined(findings: Sequence[Finding]) -> Finding:
    """One finding from several.

    Undelivered if any says so, unless counted tokens show that it arrived and the objection rests
    on how answers begin: then the model has read the preamble and ignores it.
    """
    notes = tuple(dict.fromkeys(n for each in findings for n in each.notes))
    evidence = {name: value for each in findings for name, value in each.evidence.items()}
    against = [each for each in findings if each.state == "undelivered"]
    arrived = [each for each in findings if each.state == "delivered"]
    if any(_counted(each) for each in arrived) and not any(_counted(each) for each in against):
        ignored = tuple(IGNORED for each in against if each.reasons)
        return Finding(state="delivered", notes=notes + ignored, evidence=evidence)
    reasons = tuple(dict.fromkeys(reason for each in against for reason in each.reasons))
    state: State = "undelivered" if against else "delivered" if arrived else "unknown"
    return Finding(state=state, reasons=reasons, notes=notes, evidence=evidence)


def _counted(finding: Finding) -> bool:
    return not {"tokens_counted", "token_share"}.isdisjoint(finding.evidence)
