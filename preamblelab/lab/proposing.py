"""From a stored experiment to a policy with its decisions; and into its file."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from preamblelab.decision.candidate_rules import Guard, PreambleRules
from preamblelab.decision.drafting import draft_policy
from preamblelab.decision.panel import Panel
from preamblelab.decision.records import Cost, Decision, Manifest, Missing
from preamblelab.decision.slots import Arms, SlotVerdict, Terms
from preamblelab.domain.base import content_digest, text_digest
from preamblelab.domain.experiments import Experiment
from preamblelab.domain.policies import NONE, PolicyText
from preamblelab.domain.preambles import BASELINE, COMMON, parse_label
from preamblelab.domain.sizes import Size
from preamblelab.errors import SpecError
from preamblelab.lab.continuing import continued, size_of
from preamblelab.lab.deciding import Told
from preamblelab.lab.policies import Policy
from preamblelab.lab.policy_files import (
    history_folder,
    keep_decisions,
    refuse_place,
    today,
    write_policy,
)
from preamblelab.lab.reporting import only_experiment
from preamblelab.library import experiment_from_document
from preamblelab.library.policies import load_policy_spec
from preamblelab.report.layout import Section, as_text, counted
from preamblelab.report.policies import policy_page
from preamblelab.store import Store

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Proposal", "policy_from", "told_policy", "write_policy_from"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A policy that an experiment carries, and the decision on every candidate in every slot."""

    policy: Policy
    decisions: tuple[Decision, ...]

    def __str__(self) -> str:
        """The decisions, one sentence each."""
        return "\n".join(decision.sentence for decision in self.decisions)


def policy_from(
    store: Store | str | Path,
    experiment: str | None = None,
    *,
    rules: PreambleRules | None = None,
    days: int = 180,
    single_models: bool = False,
    before: Policy | None = None,
    earlier: Sequence[Mapping[str, Any]] = (),
) -> Proposal:
    """What an experiment proves: per size class, task family and tier; the rest is none.

    Args:
        store: an open store, or the file of one.
        experiment: its name; may be left out when the store holds only one.
        rules: margins, guards and the panel that is asked for.
        days: how long a preamble may be used before it is to be measured again.
        single_models: decide for each tested model by itself, too.
        before: the policy that it continues: who holds a slot there must be beaten.
        earlier: decisions taken before, as JSON values; they number the attempts.

    Raises:
        SpecError: there is no such experiment, it was stopped by looks, it has no arm without a
            preamble, or its preambles' texts are not known.
        TableError: nothing in it has a score.
    """
    if not isinstance(store, Store):
        with Store(store, read_only=True) as opened:
            return policy_from(
                opened,
                experiment,
                rules=rules,
                days=days,
                single_models=single_models,
                before=before,
                earlier=earlier,
            )
    name = only_experiment(store, experiment)
    plan = experiment_from_document(store.document(name))
    if plan.stops_early:
        raise SpecError(
            f"'{name}' was stopped by looks, which settle single pairs, and a policy needs every "
            "trial: run it under another name with fixed repetitions; stored answers are used again"
        )
    scores = store.scores(name)
    arms = _arms(plan, scores, before)
    terms = Terms(
        rules=rules or PreambleRules(),
        experiment=name,
        decided=today(),
        days=days,
        single_models=single_models,
    )
    draft = draft_policy(scores, arms, terms)
    created = next(each.created for each in store.experiments() if each.name == name)
    manifest = _manifest(plan, arms, terms, created)
    decisions = {
        id(verdict): _decision(verdict, manifest, terms, arms, earlier)
        for verdict in draft.verdicts
    }
    entries = [
        entry
        if verdict is None
        else entry.model_copy(update={"decision": decisions[id(verdict)].digest})
        for entry, verdict in draft.entries
    ]
    spec = continued(before.spec if before else None, entries, arms, scores)
    return Proposal(policy=Policy(spec=spec), decisions=tuple(decisions.values()))


def write_policy_from(
    source: str | None,
    store: Path,
    file: Path,
    *,
    rules: PreambleRules,
    days: int,
    single_models: bool = False,
    fresh: bool = False,
) -> Proposal:
    """Decide on an experiment and write the policy; the version that was there is kept.

    Args:
        source: the experiment's name.
        store: the store.
        file: the policy; one that is there is continued.
        rules: margins, guards and panel.
        days: until the entries expire.
        single_models: decide for each tested model by itself, too.
        fresh: begin anew: nobody holds a slot, and no older entry is taken over.

    Raises:
        SpecError: a CSV was given, whose texts nobody knows; else as `policy_from`.
        StoreError: the file changed meanwhile, or cannot be written.
    """
    if source is not None and source.endswith((".csv", ".csv.gz")):
        raise SpecError(
            f"{source}: a policy holds the preambles' texts, and a table of scores has none; "
            "import the trials with their messages, or run the experiment here"
        )
    refuse_place(file)
    there = load_policy_spec(file) if file.exists() else None
    before = None if there is None or fresh else Policy(spec=there)
    proposal = policy_from(
        store,
        source,
        rules=rules,
        days=days,
        single_models=single_models,
        before=before,
        earlier=_earlier(file),
    )
    # Decisions first: an entry never names one that is not there, whatever is killed when.
    keep_decisions(file, proposal.decisions)
    written = write_policy(file, proposal.policy.spec, expected=there)
    return replace(proposal, policy=Policy(spec=written, source=str(file)))


def _arms(plan: Experiment, scores: "DataFrame", before: Policy | None) -> Arms:
    sizes = dict.fromkeys(str(each) for each in scores["size"])
    labels = [label for label in plan.arms if label != BASELINE]
    texts = {}
    for size in sizes:
        for label in labels:
            kept = _text(plan, label, size_of(size))
            if kept is not None:
                texts[label, size] = kept
    held = {
        str(entry.size): entry
        for entry in (before.entries if before else ())
        if entry.size
        and not (entry.family or entry.task or entry.tier)
        and entry.experiment != plan.name  # a run is no challenger of what it has itself decided
    }
    return Arms(
        texts=texts,
        ids={model.name: model.id for model in plan.models},
        held=held,
        lineages={name: _family(plan, name) for name in plan.preambles},
    )


def _family(plan: Experiment, name: str) -> tuple[PolicyText, ...]:
    """Every text of a preamble by itself: the common one and those by size."""
    preamble = plan.preambles[name]
    parts = [*preamble.sizes, *([COMMON] if preamble.text is not None else [])]
    found = (_text(plan, f"{name}:{part}", "unknown") for part in parts)
    return tuple(text for text in found if text is not None)


def _text(plan: Experiment, label: str, size: Size) -> PolicyText | None:
    variant = plan.variant(label, size)
    if variant.text is None:
        return None
    return PolicyText(
        label=label,
        part=variant.part,
        version=variant.version,
        lineage=parse_label(label).name,
        digest=text_digest(variant.text),
        text=variant.text,
    )


def _manifest(plan: Experiment, arms: Arms, terms: Terms, created: str) -> Manifest:
    return Manifest(
        run=plan.name,
        started=created,
        seed=plan.seed,
        suite=content_digest([task.document() for task in plan.suite.tasks]),
        rubric=plan.rubric.digest,
        scorers=plan.scorers,
        policy=content_digest(_rules(terms)),
        arms=tuple(sorted({text.digest for text in arms.texts.values()})),
        versions={"preamblelab": version("preamblelab")},
        repetitions=plan.repetitions,
    )


def _rules(terms: Terms) -> dict[str, Any]:
    rules = terms.rules
    return {name: getattr(rules, name) for name in type(rules).__dataclass_fields__}


def _decision(
    verdict: SlotVerdict,
    manifest: Manifest,
    terms: Terms,
    arms: Arms,
    earlier: Sequence[Mapping[str, Any]],
) -> Decision:
    judged = verdict.judged
    held = arms.held.get(verdict.size) if verdict.task is None else None
    champion = held.use if held else NONE
    return Decision(
        outcome=verdict.outcome,
        slot=verdict.slot,
        challenger=verdict.text.id,
        challenger_digest=verdict.text.digest,
        champion=champion,
        champion_digest=champion,
        run=manifest.run,
        at=manifest.started,
        rules=verdict.rules,
        measured=judged.measured,
        missing=Missing(
            planned=judged.planned,
            scored=max(judged.planned - max(judged.lost), 0),
            champion=judged.lost[1],
            challenger=judged.lost[0],
            unscored=0,
        ),
        costs={
            "champion": _cost(judged.panel, judged.against),
            "challenger": _cost(judged.panel, judged.candidate),
        },
        attempt=_attempt(verdict, manifest, earlier),
        manifests={"run": manifest},
        policy=_rules(terms),
        exceptions=dict.fromkeys(judged.hurt, NONE),
        suite=manifest.suite,
        simulated=judged.panel.simulated,
    )


def _cost(panel: Panel, arm: str) -> Cost:
    """What the arm's answers took: sums of the models' means, None where one is not known."""
    place = panel.arm(arm)
    calls = panel.asked[place].sum(axis=(1, 2))

    def total(name: str) -> float | None:
        values = panel.spent[name][place] * calls
        known = bool(len(values)) and not bool((values != values).any())
        return float(values.sum()) if known else None

    prompt, answer = (total(name) for name in ("prompt_tokens", "completion_tokens"))
    return Cost(
        calls=int(calls.sum()),
        usd=total("usd"),
        prompt_tokens=None if prompt is None else round(prompt),
        completion_tokens=None if answer is None else round(answer),
        # A panel keeps means, and a mean must not stand where a median is read.
        seconds=None,
    )


def _attempt(verdict: SlotVerdict, manifest: Manifest, earlier: Sequence[Mapping[str, Any]]) -> int:
    """The number of this run among the decisions on one slot, text and suite, from 1."""
    same = (verdict.slot, verdict.text.digest, manifest.suite)
    runs = dict.fromkeys(
        str(each["run"])
        for each in sorted(earlier, key=lambda each: str(each.get("at")))
        if (each.get("slot"), each.get("challenger_digest"), each.get("suite")) == same
    )
    known = list(runs)
    return known.index(manifest.run) + 1 if manifest.run in runs else len(known) + 1


def _earlier(file: Path) -> list[Mapping[str, Any]]:
    """The decisions in the history of a policy file; one that is damaged is named."""
    folder = history_folder(file) / "decisions"
    found: list[Mapping[str, Any]] = []
    for each in sorted(folder.glob("*.json")) if folder.is_dir() else []:
        try:
            known = json.loads(each.read_text(encoding="utf-8"))
        except ValueError:
            known = None
        if not isinstance(known, dict) or "run" not in known:
            raise SpecError(f"{each}: this is no decision any more; bring it back, or remove it")
        found.append(known)
    return found


def told_policy(
    source: str | None,
    store: Path,
    file: Path,
    *,
    others: Sequence[Any],
    gain: float,
    safety: Guard,
    days: int,
    single_models: bool,
    fresh: bool,
) -> Told:
    """What `choose --write` says.

    Raises:
        SpecError: an option was given that is for the choice of single models.
    """
    if any(each is not None for each in others):
        raise SpecError(
            "--write decides on size classes from every model of the experiment: leave out "
            "--model, --probe, --baseline, --scale, --baseline-score and --cautious"
        )
    rules = PreambleRules(margin=gain, safety=safety)
    proposal = write_policy_from(
        source, store, file, rules=rules, days=days, single_models=single_models, fresh=fresh
    )
    spec = proposal.policy.spec
    shown = [
        each
        for each in proposal.decisions
        if each.slot.endswith("/any") or each.outcome == "promote"
    ]
    lines = [f"{each.challenger}: {each.sentence}" for each in shown]
    if rest := len(proposal.decisions) - len(shown):
        lines.append(f"{counted(rest, 'decision')} on parts of a class promoted nothing.")
    folder = history_folder(file).name
    lines.append(f"{file}: version {spec.version}; every version and decision is in {folder}/.")
    text = policy_page(spec, with_texts=False)
    text += "\n" + as_text([Section(title="Decisions", lines=tuple(lines))])
    data = {
        "file": str(file),
        "policy": spec.document(),
        "decisions": [decision.to_dict() for decision in proposal.decisions],
    }
    return Told(text=text, data=data)
