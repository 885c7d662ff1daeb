"""The use case of repeated runs: from stores or a table to tiers, and findings with their basis."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from preamblelab.decision.replication import Replication, RunManifest, manifest_of, replicates
from preamblelab.domain.profiles import Profiles, changed, sampling
from preamblelab.errors import SpecError, TableError
from preamblelab.execution.gateway import endpoint_of
from preamblelab.lab.evidence import marks_of
from preamblelab.lab.running import MADE_WITH
from preamblelab.library import experiment_from_document
from preamblelab.library.files import Place
from preamblelab.library.fitting import fit
from preamblelab.library.strict_yaml import parse_fields
from preamblelab.report.replication import ReplicationReport, RunFacts
from preamblelab.stats.agreement import judge_agreement
from preamblelab.stats.replication import category_findings, category_gaps, run_tiers
from preamblelab.stats.tables import read_scores
from preamblelab.stats.tiers import rank_tiers
from preamblelab.stats.wins import win_floor
from preamblelab.store import Store
from preamblelab.store.durable import write_file

if TYPE_CHECKING:
    from pandas import DataFrame

SAME_TEXTS = 0.9
"""Share of answers that equal the first run's, above which a cache is suspected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run as the store has it."""

    name: str
    manifest: RunManifest
    scores: "DataFrame"
    marks: "DataFrame | None"
    facts: RunFacts
    settings: Mapping[str, Mapping[str, Any]]
    """As asked, by model."""
    updated: str


def replicated(
    sources: Sequence[str],
    store: Path,
    *,
    unit: str = "model",
    variant: str | None = None,
    groups: Mapping[str, Sequence[str]] | None = None,
    profiles: Path | None = None,
    scale: float | None = None,
) -> ReplicationReport:
    """What several runs of one benchmark show together.

    Args:
        sources: names of experiments in the store, `FILE.db:NAME` for one in another store; or one
            CSV with the columns `run, model, task, category, score`.
        store: where names without a file are looked up.
        unit: what is compared: ``model`` or ``variant``.
        variant: the arm under which models are compared; the baseline when not given.
        groups: compare groups of arms instead, by name.
        profiles: YAML of sampling profiles; a benchmark's that differs from production is warned.
        scale: multiplies the scores of a CSV.

    Raises:
        SpecError: a run does not exist, or no two runs measure the same.
        TableError: a CSV lacks a column.
    """
    if len(sources) == 1 and sources[0].endswith((".csv", ".csv.gz")):
        return _from_table(Path(sources[0]), unit, groups, scale)
    runs = [stored_run(source, store) for source in sources]
    found = replicates([run.manifest for run in runs])
    named = {run.name: run for run in runs}
    group = [named[name] for name in found.group]
    scores = _joined(group, unit, variant, found.arms)
    return _report(
        scores,
        unit=unit,
        under="" if unit == "variant" else str(scores["variant"].iloc[0]),
        groups=groups,
        title=" ".join(found.runs),
        runs=tuple(run.facts for run in runs),
        replication=found,
        manifest=group[0].manifest,
        warnings=(*_shared(group), *_cached(group)),
        judges=tuple(line for run in group for line in _judges(run)),
        profiles=_profiles(group[0], found.arms, profiles),
        made=max(run.updated for run in runs),
    )


def stored_run(source: str, store: Path) -> Run:
    """A run as a store has it.

    Args:
        source: name of an experiment, or `FILE.db:NAME`.
        store: where a name without a file is looked up.

    Raises:
        StoreError: there is no such store.
        SpecError: it holds no such experiment.
    """
    file, _, name = source.rpartition(":")
    with Store(Path(file) if file else store, read_only=True) as opened:
        plan = experiment_from_document(opened.document(name))
        facts = {m.name: opened.facts(m.id, endpoint_of(m)) for m in plan.models}
        marking = opened.marking(name)
        keys = [trial.response_key for trial in opened.trials(name)]
        ratings = opened.ratings(name)["judge_response_key"].dropna().unique()
        spend = opened.spend(keys=[*dict.fromkeys([*keys, *ratings])])
        scores = opened.scores(name)
        return Run(
            name=source,
            manifest=manifest_of(
                source,
                plan,
                weights={name: each.digest for name, each in facts.items() if each is not None},
                marking=marking[0] if marking else "",
                made_with=marking[1].get(MADE_WITH, ()) if marking else (),
            ),
            scores=scores,
            marks=marks_of(opened, name, marking[1]) if marking else None,
            facts=RunFacts(
                run=source,
                trials=len(scores),
                scored=int(scores["score"].notna().sum()),
                usd={role: each.usd for role, each in spend.by_role.items()},
                unpriced=spend.unpriced,
                simulated=bool(scores["simulated"].any()),
            ),
            settings={m.name: {**plan.settings, **m.settings} for m in plan.models},
            updated=next(e.updated for e in opened.experiments() if e.name == name),
        )


def _joined(
    group: Sequence[Run], unit: str, variant: str | None, arms: Sequence[str]
) -> "DataFrame":
    """Scores of the runs of a group one under the other, with the arms to compare."""
    import pandas as pd

    parts = [run.scores.assign(run=run.name) for run in group]
    table = pd.concat(parts, ignore_index=True)
    table = table[table["model"].isin(arms)]
    if table.empty:
        raise SpecError("no model is the same in every run: there is nothing to compare")
    if unit == "variant":
        return table
    labels = [str(label) for label in table["variant"].unique()]
    wanted = variant or str(group[0].manifest.common["baseline"])
    if wanted not in labels:
        raise SpecError(f"no variant '{wanted}' in these runs; there are: {', '.join(labels)}")
    return table[table["variant"] == wanted]


def _from_table(
    file: Path, unit: str, groups: Mapping[str, Sequence[str]] | None, scale: float | None
) -> ReplicationReport:
    table = read_scores(file, scale=scale)
    for column in ("run", "category"):
        if column not in table:
            raise TableError(f"{file}: repeated runs need the column '{column}'")
    facts = tuple(
        RunFacts(run=str(name), trials=len(own), scored=int(own["score"].notna().sum()))
        for name, own in table.groupby("run", sort=False)
    )
    return _report(
        table,
        unit=unit,
        under="",
        groups=groups,
        title=file.name,
        runs=facts,
        replication=None,
        manifest=None,
    )


def _report(
    scores: "DataFrame",
    *,
    unit: str,
    under: str,
    groups: Mapping[str, Sequence[str]] | None,
    title: str,
    runs: tuple[RunFacts, ...],
    replication: Replication | None,
    manifest: RunManifest | None,
    **rest: Any,
) -> ReplicationReport:
    findings = category_findings(scores, unit=unit, groups=groups)
    tiers = run_tiers(scores, unit=unit)
    wins, chance = _wins(scores, unit)
    basis = {}
    if manifest is not None and unit == "model":
        basis = {
            f"F{place}": manifest.basis(str(row["category"]), _members(row, groups))
            for place, row in enumerate(findings.to_dict("records"), start=1)
        }
    return ReplicationReport(
        title=title,
        unit=unit,
        under=under,
        runs=runs,
        replication=replication,
        tiers=tiers,
        ranks=_ranks(scores, unit),
        wins=wins,
        findings=findings,
        gaps=category_gaps(scores, unit=unit),
        basis=basis,
        chance=chance,
        **rest,
    )


def _members(row: Mapping[Any, Any], groups: Mapping[str, Sequence[str]] | None) -> list[str]:
    """The models that a finding speaks of."""
    named = [str(row["leader"]), str(row["runner_up"])]
    return [m for name in named for m in (groups or {}).get(name, (name,))]


def _ranks(scores: "DataFrame", unit: str) -> "DataFrame":
    """Tiers and rank intervals over all runs: a task is averaged over them first."""
    means = scores.groupby([unit, "task"], sort=False)["score"].mean().reset_index()
    return rank_tiers(means.assign(model=means[unit], variant="all", repetition=1))


def _wins(scores: "DataFrame", unit: str) -> tuple["DataFrame", tuple[str, ...]]:
    """Tests won in each run, ties shared, with what equal arms would win by chance."""
    import pandas as pd

    means = scores.pivot_table(index=["run", "task"], columns=unit, values="score").dropna()
    if means.shape[1] < 2 or means.empty:
        return pd.DataFrame(columns=["unit"]), tuple(_moved(scores))
    best = means.eq(means.max(axis=1), axis=0)
    shares = best.div(best.sum(axis=1), axis=0)
    by_run = shares.groupby("run", sort=False).sum()
    order = list(dict.fromkeys(scores["run"]))
    wide = by_run.reindex(order).T
    wide.columns = [f"wins_{n}" for n in range(1, len(order) + 1)]
    tests = round(len(means) / len(order))
    floor = win_floor(max(tests, 1), means.shape[1])
    lines = [
        (
            f"A model as good as the others wins {tests / means.shape[1]:.1f} of {tests} tests "
            f"give or take {floor:.2f} (SD over new tests; ties shared)."
        )
    ]
    if len(order) > 1:
        seen = float((wide.var(axis=1, ddof=1).mean()) ** 0.5)
        lines.append(f"Between these runs the wins of one model moved by {seen:.2f} (SD, pooled).")
    table = wide.rename_axis("unit").reset_index()
    return table, tuple(lines)


def _moved(scores: "DataFrame") -> list[str]:
    """How far the mean of one arm moved between runs: all that can be said of one alone."""
    means = scores.groupby("run", sort=False)["score"].mean()
    if len(means) < 2:
        return []
    listed = ", ".join(f"{value:.1f}" for value in means)
    spread = float(means.std(ddof=1))
    return [f"Its mean moved between the runs: {listed} ({spread:.1f} points, SD of a run)."]


def _shared(group: Sequence[Run]) -> list[str]:
    """Stored answers that two runs have in common: one answer is no repetition of itself."""
    lines: list[str] = []
    seen: dict[str, set[str]] = {}
    for run in group:
        keys = set(run.scores["response_key"].dropna())
        for name, other in seen.items():
            both = len(keys & other)
            if both:
                lines.append(
                    f"{run.name} and {name} share {both} of {len(keys)} stored answers, which "
                    "repeat nothing: run it again into another store, or with another seed"
                )
        seen[run.name] = keys
    return lines


def _cached(group: Sequence[Run]) -> list[str]:
    """Runs in which nearly every answer equals the first run's."""
    first, *others = group
    cells = ["model", "variant", "task", "repetition"]
    lines = []
    for run in others:
        both = first.scores.merge(run.scores, on=cells, suffixes=("", "_again"))
        both = both[both["output_hash"].notna() & both["output_hash_again"].notna()]
        both = both[both["response_key"] != both["response_key_again"]]
        same = float((both["output_hash"] == both["output_hash_again"]).mean()) if len(both) else 0
        if same >= SAME_TEXTS:
            lines.append(
                f"{same:.0%} of the answers of {run.name} equal those of {first.name} byte for "
                "byte: temperature 0, or a cache answered"
            )
    return lines


def _judges(run: Run) -> list[str]:
    """How far the judges of a run agree, and whether they tell its models apart."""
    if run.marks is None:
        return []
    # A scorer that alone marks its dimension is nobody's second judge.
    marks = run.marks[run.marks.groupby("dimension")["judge"].transform("nunique") > 1]
    if marks.empty:
        return []
    lines = [f"{run.name}: {each}" for each in judge_agreement(marks)["sentence"]]
    keys = ["judge", "model"]
    by_answer = marks.groupby([*keys, "variant", "task", "repetition"])["score"]
    means = by_answer.sum(min_count=1).groupby(keys).mean().unstack("judge")  # noqa: PD010
    centred = means - means.mean(axis=0)
    spread = float(centred.std(axis=1, ddof=1).max())
    ordered = means.mean(axis=1).sort_values()
    gap = float(ordered.diff().max()) if len(ordered) > 1 else float("nan")
    if spread > gap:
        lines.append(
            f"{run.name}: judge-limited: judges place one model up to {spread:.1f} points (SD) "
            f"apart, more than the largest gap between neighbours ({gap:.1f}): read tiers only."
        )
    return lines


def _profiles(run: Run, arms: Sequence[str], file: Path | None) -> tuple[str, ...]:
    """The settings that were sent, by the profile they belong to, against production's."""
    if file is None:
        return ()
    known = load_profiles(file)
    lines = []
    for model in arms:
        sent = run.settings[model]
        own = {**known.of(model, "benchmark"), **known.of(model, "production")}
        named = next((name for name, each in own.items() if not changed(sent, each.settings)), None)
        digest = f" ({own[named].digest})" if named else ""
        told = ", ".join(f"{key} {value}" for key, value in sampling(sent).items()) or "no settings"
        lines.append(f"{model}: asked with {named or 'no named profile'}{digest}: {told}.")
        for name, each in known.of(model, "production").items():
            if differs := changed(sent, each.settings):
                lines.append(
                    f"WARNING: {model} was measured with {', '.join(differs)} of the production "
                    f"profile '{name}': what is in use was not tested."
                )
    return tuple(lines)


def write_findings(report: ReplicationReport, file: Path) -> None:
    """Keep a report where `routing` reads its findings; it replaces what is there as a whole.

    Raises:
        StoreError: the file cannot be written.
    """
    write_file(file, report.to_json().encode())


def load_profiles(file: str | Path) -> Profiles:
    """The sampling profiles of a YAML file.

    Raises:
        SpecError: there is no such file, or it is wrong; the message names the line.
    """
    path = Path(file)
    place = Place(root=path.resolve().parent, parts=(path.name,))
    return fit(Profiles, parse_fields(place.read(), place.shown), place.shown)
