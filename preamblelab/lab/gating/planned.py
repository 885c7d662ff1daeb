"""From a gate file and a challenger to everything that a run asks, refused before any call."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from preamblelab.decision.gate import refuse_unfit
from preamblelab.decision.records import Manifest, Observations, PlannedTask
from preamblelab.domain.base import content_digest
from preamblelab.domain.experiments import Budget, Experiment
from preamblelab.domain.gates import GatePolicy
from preamblelab.domain.models import ModelSpec
from preamblelab.domain.preambles import BASELINE, Preamble
from preamblelab.domain.registry import Holder
from preamblelab.domain.rubrics import Rubric
from preamblelab.domain.tasks import Suite, Task
from preamblelab.execution.doors import refuse_unknown_simulated
from preamblelab.execution.gateway import endpoint_of, warms_up
from preamblelab.execution.prices import price_of
from preamblelab.lab.gating.home import slug
from preamblelab.lab.usecases import specs_of
from preamblelab.library.gates import LoadedGate
from preamblelab.library.projects import place_of
from preamblelab.library.rubrics import read_rubric
from preamblelab.library.suites import read_suite
from preamblelab.scoring.marking import JUDGE_PREFIX, marking_of


@dataclass(frozen=True, slots=True, kw_only=True)
class GatePlan:
    """A gate with everything it names already found."""

    policy: GatePolicy
    challenger: Holder
    champion: Holder | None
    suite: Suite
    smoke: Suite | None
    rubric: Rubric
    judges: Mapping[str, ModelSpec]
    folder: Path | None
    """Where `module:name` scorers are looked up."""
    configuration: Path | None
    among: int = 1
    """Challengers that are tried against this champion at once."""
    weights_changed: str = ""
    """That other weights than those that took the slot answer by the champion's name."""

    @property
    def tasks(self) -> tuple[PlannedTask, ...]:
        """The tasks of the full suite and of the smoke test."""
        full = [planned_task(task) for task in self.suite.tasks]
        smoke = self.smoke.tasks if self.smoke is not None else ()
        return (*full, *(planned_task(task, smoke=True) for task in smoke))

    @property
    def trials(self) -> int:
        """Answers that a whole run asks for."""
        smoke = 0 if self.smoke is None else len(self.smoke.tasks)
        each = smoke + len(self.suite.tasks) * self.policy.repetitions
        return each * len(self._named())

    @property
    def arms(self) -> dict[str, tuple[str, str]]:
        """Model and variant as tables call them, by digest of the holder."""
        return {holder.digest: (m.name, label) for holder, m, label in self._named()}

    def _named(self) -> list[tuple[Holder, ModelSpec, str]]:
        """Each contender with its model under a name of its own, and the label of its text."""
        named: list[tuple[Holder, ModelSpec, str]] = []
        for holder in (self.champion, self.challenger):
            if holder is None:
                continue
            model = holder.model
            taken = [other for _, other, _ in named if other.name == model.name]
            if taken and taken[0] != model:
                model = model.model_copy(update={"name": f"{model.name}@{holder.digest[3:11]}"})
            named.append((holder, model, _label(holder)))
        return named

    def experiment(self, *, smoke: bool = False, spent_usd: float = 0.0) -> Experiment:
        """The trials of the smoke test, or of the full suite, champion and challenger by turns.

        Args:
            smoke: those of the smoke test.
            spent_usd: what the run has spent already; taken off the budget.
        """
        policy, named = self.policy, self._named()
        texts = {label: holder.text for holder, _, label in named if holder.text is not None}
        models = {model.name: model for _, model, _ in named}
        suite = self.smoke if smoke else self.suite
        assert suite is not None
        # An engine on this host holds one model at a time: changing it for each task costs hours.
        alone = all(warms_up(m) for m in models.values())
        shared = len({endpoint_of(m) for m in models.values()}) < len(models)
        return Experiment(
            name="smoke" if smoke else "full",
            models=tuple(models.values()),
            variants=tuple(texts),
            preambles={label: Preamble(name=label, text=text) for label, text in texts.items()},
            pairs=tuple((model.name, label) for _, model, label in named),
            by_pass=len(models) > 1 and alone and shared,
            suite=suite,
            rubric=self.rubric,
            scorers=policy.scorers,
            judges=self.judges,
            repetitions=1 if smoke else policy.repetitions,
            settings=policy.settings,
            budget=_left(policy.budget, spent_usd),
            seed=policy.seed,
            delivery=bool(texts),
        )

    def manifest(self, run: str, started: str) -> Manifest:
        """Everything that decides what the run measures."""
        from importlib.metadata import version

        named = self._named()
        marking = marking_of(self.experiment(), folder=self.folder)
        prices = {model.id: str(price_of(model)) for _, model, _ in named}
        return Manifest(
            run=run,
            started=started,
            seed=self.policy.seed,
            suite=content_digest([[t.name, t.digest, t.category, t.smoke] for t in self.tasks]),
            rubric=self.rubric.digest,
            scorers=(*self.policy.scorers, marking.digest),
            policy=self.policy.digest,
            arms=tuple(sorted(holder.digest for holder, _, _ in named)),
            profiles={
                holder.digest: content_digest({**self.policy.settings, **model.settings})
                for holder, model, _ in named
            },
            prices=content_digest(prices),
            versions={name: version(name) for name in ("preamblelab", "litellm")},
            repetitions=self.policy.repetitions,
        )

    def without_rows(self, run: str, started: str) -> Observations:
        """The comparison before anything was asked."""
        return Observations(
            slot=self.policy.slot,
            challenger=self.challenger,
            champion=self.champion,
            tasks=self.tasks,
            rows=(),
            manifest=self.manifest(run, started),
            among=self.among,
            weights_changed=self.weights_changed,
            simulated=any(model.simulated for _, model, _ in self._named()),
        )


def plan_gate(loaded: LoadedGate, challenger: Holder, champion: Holder | None) -> GatePlan:
    """Everything that a run of the gate asks.

    Raises:
        SpecError: a name is unknown, rules and tasks do not fit, or the challenger is the champion.
        ProviderError: there is no such simulated model.
    """
    policy, source = loaded.policy, loaded.source
    with source.naming("suite"):
        suite = _suite(policy.suite, loaded)
    smoke = None
    if policy.smoke is not None:
        with source.naming("smoke"):
            smoke = _suite(policy.smoke, loaded)
    with source.naming("rubric"):
        place, _ = _place("rubrics", policy.rubric, loaded)
        rubric = read_rubric(place).rubric
    plan = GatePlan(
        policy=policy,
        challenger=challenger,
        champion=champion,
        suite=suite,
        smoke=smoke,
        rubric=rubric,
        judges=_judges(policy.scorers),
        folder=loaded.project.folder,
        configuration=_configuration(loaded),
    )
    # Before a run is opened that no command could ever finish.
    refuse_unknown_simulated([*(model for _, model, _ in plan._named()), *plan.judges.values()])
    refuse_unfit(plan.without_rows("", ""), policy)
    return plan


def _judges(scorers: tuple[str, ...]) -> dict[str, ModelSpec]:
    words = [each.removeprefix(JUDGE_PREFIX) for each in scorers if each.startswith(JUDGE_PREFIX)]
    return dict(zip(words, specs_of(words), strict=True))


def _place(kind: Any, named: str, loaded: LoadedGate) -> Any:
    """A name of the project, or a path as seen from the gate's file."""
    is_path = "/" in named or named.endswith((".yaml", ".yml"))
    return place_of(kind, loaded.place.path.parent / named if is_path else named, loaded.place.path)


def _suite(named: str, loaded: LoadedGate) -> Suite:
    place, _ = _place("suites", named, loaded)
    return read_suite(place).suite


def _configuration(loaded: LoadedGate) -> Path | None:
    named = loaded.policy.configuration
    if named is None:
        return None
    path = loaded.place.path.parent / named
    if not path.is_file():
        raise loaded.source.error("configuration", f"'{named}': no such file")
    return path


def _label(holder: Holder) -> str:
    if holder.text is None:
        return BASELINE
    return f"{slug(holder.variant)}-{holder.digest[3:11]}"


def planned_task(task: Task, *, smoke: bool = False) -> PlannedTask:
    """What a decision needs to know of a task."""
    expects = [each.expect for each in task.verify if each.kind == "refusal"]
    return PlannedTask(
        name=task.name,
        category=task.category,
        digest=task.digest,
        critical=task.severity == "critical",
        refusal=expects[0] if expects else None,
        smoke=smoke,
        cluster=task.cluster,
    )


def _left(budget: Budget, spent_usd: float) -> Budget:
    """What is left of the money; the other limits are of one run."""
    if budget.usd is None:
        return budget
    return budget.model_copy(update={"usd": max(budget.usd - spent_usd, 0.0)})
