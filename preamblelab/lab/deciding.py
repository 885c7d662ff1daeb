"""What data are worth having, and which preamble a model should get: power and choice."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from preamblelab.decision.choosing import Choice, choose_preamble
from preamblelab.domain.claims import ClaimsSpec
from preamblelab.domain.models import ModelSpec
from preamblelab.errors import PreamblelabError, SpecError
from preamblelab.lab.claims import claims_checked, written_checked
from preamblelab.lab.reporting import analyze, baseline_of
from preamblelab.lab.usecases import specs_of
from preamblelab.report.findings import Judged
from preamblelab.report.layout import Grid, Section, as_text
from preamblelab.report.reports import Report
from preamblelab.stats.marks import reduced
from preamblelab.stats.noise import components
from preamblelab.stats.planning import DesignPower, Spreads, plan_design, power, spreads_of
from preamblelab.stats.tables import read_scores
from preamblelab.store import Store

if TYPE_CHECKING:
    from pandas import DataFrame

BY_DEFAULT = Spreads(task_variant=36.0, repetition=64.0, judge=0.0)
"""Variances (points squared) to plan with when nothing was measured yet: spreads of 6 points from
task to task and 8 between repetitions, as in the simulations behind the methods."""


_REMARKS = {
    "judges_not_linked": "two judges share no answer: their leniency was not corrected",
    "outside_score_range": "some scores lie outside 0 to 100",
}


def report_on(
    source: str | None,
    store: Path,
    *,
    margin: float | None = None,
    baseline: str | None = None,
    scale: float | None = None,
    claims: Path | None = None,
) -> Report:
    """The report on a stored experiment, or on a CSV of scores from anywhere.

    Args:
        source: name of an experiment, path of a `.csv` or `.csv.gz`, or None for the only one.
        store: the store; not needed for a CSV.
        margin: the smallest effect that matters, in points; the experiment's, or 5, when not given.
        baseline: variant of a CSV to compare with; needed when none is called baseline.
        scale: what the scores of a CSV are multiplied by to become points; see `read_scores`.
        claims: file of published sentences, to be checked against the same tables; those of the
            experiment's own file when not given.

    Raises:
        TableError: the CSV lacks a column, holds shares, or names no baseline; the message says
            which.
        SpecError: there is no such experiment, or a CSV's option was given for one.
    """
    if source is not None and source.endswith((".csv", ".csv.gz")):
        scores = read_scores(source, scale=scale)
        name = Path(source).name
        shown = report_on_scores(scores, name, margin=margin or 5.0, baseline=baseline)
        return _with_claims(shown, claims, source, store)
    for option, value in (("baseline", baseline), ("scale", scale)):
        if value is not None:
            raise SpecError(f"{option} is for a CSV of scores; a stored experiment has its own")
    with Store(store, read_only=True) as opened:
        shown = analyze(opened, source, margin=margin)
        planned = opened.document(shown.experiment).get("claims")
    if claims is None and planned is not None:
        return _with_planned_claims(shown, planned, store)
    return _with_claims(shown, claims, shown.experiment, store)


def _with_planned_claims(report: Report, planned: Mapping[str, Any], store: Path) -> Report:
    """The claims that the experiment's file names; a run that goes on may not carry them yet."""
    name = report.experiment
    written = ClaimsSpec.model_validate_json(json.dumps(planned))
    try:
        checked = written_checked(
            written, name, store, lambda number: f"claim {number + 1} of '{name}'"
        )
    except PreamblelabError as error:
        return replace(report, facts=(*report.facts, ("claims not checked", str(error))))
    return replace(report, published=checked)


def _with_claims(report: Report, claims: Path | None, source: str, store: Path) -> Report:
    if claims is None:
        return report
    return replace(report, published=claims_checked(claims, source, store))


def report_on_scores(
    scores: "DataFrame", name: str, *, margin: float = 5.0, baseline: str | None = None
) -> Report:
    """The report on a score table: one row per trial, or per mark of a judge or dimension.

    Args:
        scores: long score table, see `preamblelab.stats.tables`.
        name: what the report is titled.
        margin: the smallest effect that matters, in points.
        baseline: variant to compare with; None: the one called baseline.

    Raises:
        TableError: there is no such variant.
    """
    reduction = reduced(scores)
    facts = tuple(("marks", _REMARKS[flag]) for flag in reduction.flags if flag in _REMARKS)
    return Report(
        experiment=name,
        scores=reduction.trials,
        baseline=baseline_of(scores, name, baseline),
        margin=margin,
        judged=Judged(read=lambda: scores, shared=True) if "judge" in scores else None,
        facts=facts,
    )


def measured_spreads(report: Report) -> Spreads:
    """The variances of a pilot that enter the error of an effect."""
    marks = report.marks
    if marks is None:
        # Without a judge, equal scores of copies say nothing of one.
        return replace(spreads_of(components(report.scores)), judge=0.0)
    return spreads_of(components(marks))


def stated_spreads(stated: Mapping[str, float]) -> Spreads:
    """Variances from spreads (standard deviations, in points) that a user states."""
    known = {"task": "task_variant", "repetition": "repetition", "judge": "judge"}
    unknown = set(stated) - set(known)
    if unknown:
        raise SpecError(f"no spread '{min(unknown)}'; known: {', '.join(known)}")
    return spreads_of({"task_variant": 0.0} | {known[k]: v**2 for k, v in stated.items()})


def designs(
    spreads: Spreads, half_width: float, *, cost_generation: float, cost_judge: float
) -> "DataFrame":
    """Designs that know an effect to ± half_width points, the cheapest first.

    A design is left out where a cheaper one needs no more tasks, and so is a second judge where
    judges have no spread, be it that there are none.
    """
    judges = {} if spreads.judge > 0 else {"most_judges": 1}
    table = plan_design(spreads, half_width, cost_generation, cost_judge, **judges)
    fewest_before = table["n_tasks"].cummin().shift()
    kept = fewest_before.isna() | (table["n_tasks"] < fewest_before)
    return table[kept].reset_index(drop=True)


def unknown_spread(report: Report) -> str:
    """A caution where nothing shows the spread between repetitions; else empty."""
    known = report.scores[report.scores["score"].notna()]
    if known.groupby(["model", "variant", "task"])["repetition"].nunique().max() > 1:
        return ""
    return (
        "No trial was repeated: the spread between repetitions is not known and counts within "
        "that from task to task, so these plans say nothing of what repeating would gain."
    )


def shown_by(report: Report, spreads: Spreads, *, effect: float | None = None) -> DesignPower:
    """What the design at hand can show."""
    tasks = int(report.scores["task"].nunique())
    repetitions = int(report.scores["repetition"].nunique())
    return power(spreads, tasks, repetitions, effect=effect)


def choose(
    report: Report,
    model: str | ModelSpec,
    *,
    baseline_score: float | None = None,
    probe: "DataFrame | None" = None,
    cautious: float = 0.5,
) -> Choice:
    """Which variant a model should get, tested or not; none where the evidence is weak.

    Args:
        report: what was measured.
        model: a model of the experiment, or any other: its id, name or spec.
        baseline_score: mean score of an untested model without a preamble, if known.
        probe: columns `variant, effect, se`, measured on this model in a short probe.
        cautious: the least chance that it helps, from 0 to 1.
    """
    import pandas as pd

    tested = report.scores.drop_duplicates("model")
    sizes = tested["size"] if "size" in tested else pd.Series("unknown", index=tested.index)
    models = pd.DataFrame({"model": tested["model"], "size": sizes})
    effects = report.effects
    name = model if isinstance(model, str) else model.name
    if name in set(models["model"]):
        return choose_preamble(effects, models, model=name, probe=probe, cautious=cautious)
    facts = specs_of([model])[0].facts()
    return choose_preamble(
        effects,
        models,
        new_size_b=facts.total_b,
        new_baseline=baseline_score,
        probe=probe,
        cautious=cautious,
    )


def _probed(probe: Report | None, model: str) -> "DataFrame | None":
    """What a short probe measured on this model.

    Raises:
        SpecError: the probe did not ask it.
    """
    if probe is None:
        return None
    own = probe.effects[probe.effects["model"] == model]
    if own.empty:
        asked = ", ".join(dict.fromkeys(str(each) for each in probe.effects["model"]))
        raise SpecError(f"the probe '{probe.experiment}' did not ask '{model}'; it asked: {asked}")
    return own[["variant", "effect", "se"]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A result for a person and for a program."""

    text: str
    data: Any


def planned_power(
    source: str | None,
    store: Path,
    *,
    points: float,
    effect: float | None,
    stated: Sequence[str],
    cost_answer: float,
    cost_mark: float,
    baseline: str | None = None,
    scale: float | None = None,
) -> Told:
    """What the design at hand can show, and the cheapest designs that reach ± points."""
    lines: list[str] = []
    data: dict[str, Any] = {}
    if stated:
        spreads = stated_spreads(dict(_stated(each) for each in stated))
        lines.append("Planned with the spreads that you state.")
    elif source is None and not store.exists():
        spreads = BY_DEFAULT
        lines.append(
            "Planned with assumed spreads (6 points from task to task, 8 between repetitions): "
            "name a pilot (an experiment or a CSV), or state them with --spread."
        )
    else:
        report = report_on(source, store, baseline=baseline, scale=scale)
        spreads = measured_spreads(report)
        at_hand = shown_by(report, spreads, effect=effect)
        lines += [f"Measured on {report.experiment}{_simulated(report)}.", at_hand.sentence]
        lines += [caution] if (caution := unknown_spread(report)) else []
        data["at_hand"] = asdict(at_hand)
    table = designs(spreads, points, cost_generation=cost_answer, cost_judge=cost_mark)
    data |= {"spreads": asdict(spreads), "designs": json.loads(table.to_json(orient="records"))}
    best = table.head(6)
    grid = Grid(
        columns=("tasks", "repetitions", "judges", "± points", "answers", "marks", "cost"),
        rows=tuple(
            (
                f"{row.n_tasks:.0f}",
                f"{row.n_repetitions:.0f}",
                f"{row.n_judges:.0f}",
                f"{row.half_width:.2f}",
                f"{row.n_answers:.0f}",
                f"{row.n_marks:.0f}",
                f"{row.cost:g}",
            )
            for row in best.itertuples()
        ),
        right=frozenset({"tasks", "repetitions", "judges", "± points", "answers", "marks", "cost"}),
    )
    title = f"To know an effect on one model to ±{points:g} points, the cheapest first"
    return Told(
        text=as_text([Section(lines=tuple(lines)), Section(title=title, grid=grid)]), data=data
    )


def chosen(
    source: str | None,
    store: Path,
    models: Sequence[str],
    *,
    baseline_score: float | None,
    cautious: float,
    probe: str | None = None,
    baseline: str | None = None,
    scale: float | None = None,
) -> Told:
    """The choice for each model, tested or not; for all tested ones when none is named.

    Args:
        source: an experiment, or a CSV of scores.
        store: the store.
        models: ids or names; none: every tested one.
        baseline_score: mean score of an untested model without a preamble, if known.
        cautious: the least chance that it helps, from 0 to 1.
        probe: another experiment, or CSV, in which the models were asked a few tasks.
        baseline: variant of a CSV to compare with.
        scale: multiplies the scores of a CSV.
    """
    report = report_on(source, store, baseline=baseline, scale=scale)
    probed = report_on(probe, store, baseline=baseline, scale=scale) if probe else None
    named = list(models) or list(dict.fromkeys(str(each) for each in report.scores["model"]))
    choices = {
        name: choose(
            report,
            name,
            baseline_score=baseline_score,
            probe=_probed(probed, name),
            cautious=cautious,
        )
        for name in named
    }
    lines = [f"From {report.experiment}{_simulated(report)}."]
    lines += [f"{name}: {choice.sentence}" for name, choice in choices.items()]
    data = [
        {
            "model": name,
            "variant": choice.variant,
            "expected": choice.expected,
            "sd": _known(choice.sd),
            "p_positive": _known(choice.p_positive),
            "tested": choice.tested,
            "simulated": report.simulated,
            "sentence": choice.sentence,
        }
        for name, choice in choices.items()
    ]
    return Told(text=as_text([Section(lines=tuple(lines))]), data=data)


def refuse_terms(given: object) -> None:
    """Refuse terms of a policy where none is written, rather than leave them out in silence.

    Raises:
        SpecError: one was given.
    """
    if given:
        raise SpecError(
            "--gain, --safety, --days, --single-models and --fresh are terms of a policy: "
            "add --write policy.yaml"
        )


def _stated(spread: str) -> tuple[str, float]:
    name, _, value = spread.partition("=")
    try:
        return name, float(value)
    except ValueError:
        raise SpecError(f"--spread {spread}: write NAME=POINTS, for example task=6") from None


def _known(value: float) -> float | None:
    return None if value != value else value


def _simulated(report: Report) -> str:
    return " (simulated results)" if report.simulated else ""
