"""A decision on a variant of a stored experiment: preambles as champion and challenger."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

from preamblelab.decision.gate import decide
from preamblelab.decision.records import Decision, Manifest, Observations
from preamblelab.domain.base import content_digest
from preamblelab.domain.experiments import Experiment
from preamblelab.domain.gates import CategoryRule, GatePolicy
from preamblelab.domain.preambles import BASELINE
from preamblelab.domain.registry import NO_PREAMBLE_HOLDER, Holder
from preamblelab.domain.sizes import Size
from preamblelab.errors import SpecError
from preamblelab.lab.gating.home import Home
from preamblelab.lab.gating.observing import observed, undelivered
from preamblelab.lab.gating.planned import planned_task
from preamblelab.library import experiment_from_document
from preamblelab.library.gates import load_gate
from preamblelab.store import Store
from preamblelab.store.registry_file import read_registry


def decided_variant(
    experiment: str,
    variant: str,
    store: Path,
    *,
    gate: Path | None = None,
    models: Sequence[str] = (),
    against: str | None = None,
    among: int = 1,
    home: Path | None = None,
) -> Decision:
    """The decision on one variant against the baseline, over a panel of models.

    Args:
        experiment: name of a stored experiment.
        variant: label of the challenger.
        store: its file.
        gate: rules; None: every category counts the same, hard failures are a guard.
        models: the panel; none: every model of the experiment.
        against: label of the champion; None: the experiment's baseline.
        among: challengers that are tried against the champion at once.
        home: folder of a registry that numbers attempts; it is only read.

    Raises:
        SpecError: there is no such experiment, variant or model.
    """
    with Store(store, read_only=True) as opened:
        plan = experiment_from_document(opened.document(experiment))
        observations = _observations(opened, plan, variant, against or plan.baseline, models)
    policy = load_gate(gate).policy if gate is not None else _plain_policy(plan)
    observations = replace(observations, slot=policy.slot, among=among)
    registry = None if home is None else read_registry(Home(folder=home).registry)
    return decide(observations, policy, registry)


def _plain_policy(plan: Experiment) -> GatePolicy:
    categories = dict.fromkeys((task.category for task in plan.suite.tasks), CategoryRule())
    return GatePolicy(
        slot=plan.name,
        suite=plan.suite.name,
        categories=categories,
        repetitions=plan.repetitions,
        rubric=plan.rubric.name,
        scorers=plan.scorers,
    )


def _observations(
    store: Store, plan: Experiment, variant: str, champion: str, models: Sequence[str]
) -> Observations:
    for label in (variant, champion):
        if label not in plan.arms:
            raise SpecError(
                f"experiment '{plan.name}' has no variant '{label}'; it has: {', '.join(plan.arms)}"
            )
    panel = _panel(plan, models)
    sizes = _sizes(store, plan)
    holders = {label: _holder(plan, label, panel, sizes) for label in (champion, variant)}
    arms = {(name, label): holders[label].digest for name in panel for label in holders}
    entry = next(each for each in store.experiments() if each.name == plan.name)
    return Observations(
        slot=plan.name,
        challenger=holders[variant],
        champion=holders[champion],
        tasks=tuple(planned_task(task) for task in plan.suite.tasks),
        rows=tuple(observed(store, plan.name, arms, run=plan.name)),
        manifest=_manifest(plan, entry.created, holders.values()),
        models=panel,
        undelivered=tuple(dict.fromkeys(undelivered(store, plan.name, arms))),
        simulated=any(model.simulated for model in plan.models if model.name in panel),
    )


def _panel(plan: Experiment, asked: Sequence[str]) -> tuple[str, ...]:
    """Names of the models to decide over, which may be asked for by name or id."""
    names = {word: model.name for model in plan.models for word in (model.id, model.name)}
    for word in asked:
        if word not in names:
            known = ", ".join(model.name for model in plan.models)
            raise SpecError(f"experiment '{plan.name}' did not ask '{word}'; it asked: {known}")
    chosen = [names[word] for word in asked] or [model.name for model in plan.models]
    return tuple(dict.fromkeys(chosen))


def _sizes(store: Store, plan: Experiment) -> dict[str, Size]:
    return {trial.model: cast("Size", trial.size) for trial in store.trials(plan.name)}


def _holder(plan: Experiment, label: str, panel: Sequence[str], sizes: dict[str, Size]) -> Holder:
    if label == BASELINE:
        return NO_PREAMBLE_HOLDER
    texts: dict[str, str | None] = {
        str(sizes[name]): plan.variant(label, sizes[name]).text for name in sorted(panel)
    }
    return Holder.of_preamble(label, texts)


def _manifest(plan: Experiment, created: str, holders: Iterable[Holder]) -> Manifest:
    digests = [holder.digest for holder in holders]
    return Manifest(
        run=plan.name,
        started=created,
        seed=plan.seed,
        suite=content_digest([[t.name, t.digest, t.category, False] for t in plan.suite.tasks]),
        rubric=plan.rubric.digest,
        scorers=plan.scorers,
        arms=tuple(sorted(digests)),
        profiles={m.name: content_digest({**plan.settings, **m.settings}) for m in plan.models},
        repetitions=plan.repetitions,
    )
