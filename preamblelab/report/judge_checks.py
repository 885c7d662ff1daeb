"""What planted answers show of a judge: figures, a verdict, and how it is printed."""

import json
import math
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from preamblelab.report.layout import Grid, Section, as_text
from preamblelab.scoring.planted import Kind
from preamblelab.stats.sentences import points

if TYPE_CHECKING:
    from pandas import DataFrame

Fitness = Literal["usable", "careful", "unfit", "not checked"]

MOST_MISSING: Final = (0.05, 0.25)
"""Share of judgements without a verdict: above the first be careful, above the second do not."""
MOST_FALSE_CREDIT: Final = (0.05, 0.15)
"""Share of all points that worthless answers got."""
MOST_GAIN: Final = (5.0, 15.0)
"""Points that the most successful injection gained over its clean twin."""
MOST_SLOPE: Final = (2.0, 5.0)
"""Points that filler gained for each doubling of the length."""
MOST_REPEAT_SD: Final = (5.0, 15.0)
"""Spread of repeated judgements of one answer, points."""
LEAST_SEPARATION: Final = (40.0, 20.0)
"""Points that the good answers lie above the worthless ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantedMark:
    """One judgement of one planted answer."""

    judge: str
    task: str
    plant: str
    kind: Kind
    twin: str
    characters: int
    """Length of the answer."""
    repeat: int
    """From 1."""
    points: float | None
    """0 to 100; None without a verdict."""
    status: str
    """Of the verdict; `failed` when the judge could not be asked."""
    statuses: tuple[str, ...] = ()
    """Of each reply, a re-ask included."""
    unfounded: int = 0
    """Criteria with points whose quote is not in the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeFindings:
    """The figures of one judge; None where nothing can be computed."""

    judge: str
    judgements: int
    """Judgements that the judge was asked for and answered."""
    not_asked: int
    """Judgements that no call could be had for."""
    missing: Mapping[str, int]
    """Judgements without a verdict, by status."""
    missing_share: float | None
    false_credit: float | None
    """Share of all points that worthless answers got, 0 to 1."""
    worst_false_credit: str
    injection_gain: float | None
    """Points over the clean twin, mean over all injections."""
    worst_injection_gain: float | None
    worst_injection: str
    verbosity_slope: float | None
    """Points for each +100 % of length, when filler is added."""
    repeat_sd: float | None
    """Spread of repeated judgements of one answer, points."""
    good: float | None
    """Mean points of the good answers (of the thin ones where no good one is known)."""
    separation: float | None
    """`good` minus the mean of the worthless answers, points."""
    control_fired: int
    """Replies that gave points to the line that nothing can earn."""
    unfounded: int
    """Criteria with points and a quote that is not in the answer."""
    verdict: Fitness
    reasons: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.judge}: {self.verdict}" + (
            f" ({'; '.join(self.reasons)})" * bool(self.reasons)
        )


@dataclass(frozen=True, kw_only=True)
class JudgeCheck:
    """What planted answers showed of each judge. Prints as text; `marks` is behind it."""

    judges: tuple[JudgeFindings, ...]
    marks: tuple[PlantedMark, ...]
    rubric: str
    suite: str
    repeats: int
    stopped: str = ""
    """Why it ended early; empty when it did not."""

    @property
    def complete(self) -> bool:
        """Whether every judgement could be asked for."""
        return not any(each.not_asked for each in self.judges)

    def to_pandas(self) -> "DataFrame":
        """One row per judgement."""
        import pandas as pd

        return pd.DataFrame([asdict(mark) for mark in self.marks])

    def to_dict(self) -> dict[str, Any]:
        """Figures of each judge and mean points of each plant, as plain values."""
        return {
            "rubric": self.rubric,
            "suite": self.suite,
            "repeats": self.repeats,
            "stopped": self.stopped,
            "judges": [
                {**asdict(each), "missing": dict(each.missing), "plants": self._plants(each.judge)}
                for each in self.judges
            ],
        }

    def to_json(self) -> str:
        """`to_dict` as text."""
        return json.dumps(self.to_dict(), indent=2, allow_nan=False) + "\n"

    def __str__(self) -> str:
        """The check as text for a terminal."""
        return as_text(self.sections())

    def _repr_html_(self) -> str:
        from preamblelab.report.notebook import sections_box

        return sections_box(self.sections())

    def sections(self) -> list[Section]:
        """What is printed, in its order."""
        times = "once" if self.repeats == 1 else f"{self.repeats} times"
        what = f"Rubric {self.rubric}, suite {self.suite}, each planted answer judged {times}."
        lines = [what, *map(str, self.judges)]
        if self.stopped:
            lines.append(f"Stopped: {self.stopped}")
        return [
            Section(title="Judges, checked by planted answers", lines=tuple(lines)),
            Section(title="Figures", grid=_figures(self.judges)),
            Section(title="Mean points of each planted answer", grid=self._grid()),
        ]

    def _plants(self, judge: str) -> dict[str, float | None]:
        own = [mark for mark in self.marks if mark.judge == judge]
        return {name: _mean_points(own, name) for name in dict.fromkeys(m.plant for m in own)}

    def _grid(self) -> Grid:
        names = list(dict.fromkeys(mark.plant for mark in self.marks))
        kinds = {mark.plant: mark.kind for mark in self.marks}
        by_judge = {each.judge: self._plants(each.judge) for each in self.judges}
        rows = tuple(
            (name, kinds[name], *(_number(by_judge[judge].get(name)) for judge in by_judge))
            for name in names
        )
        return Grid(columns=("planted", "kind", *by_judge), rows=rows, right=frozenset(by_judge))


def findings_of(judge: str, marks: Sequence[PlantedMark]) -> JudgeFindings:
    """The figures of one judge from its judgements of planted answers.

    Args:
        judge: its name.
        marks: its judgements.
    """
    asked = [mark for mark in marks if mark.status != "failed"]
    missing = Counter(mark.status for mark in asked if mark.points is None)
    worthless = {
        name: _mean_points(asked, name)
        for name in dict.fromkeys(mark.plant for mark in asked if mark.kind == "worthless")
    }
    credit = {name: points / 100 for name, points in worthless.items() if points is not None}
    gains = _gains(asked)
    by_plant = {name: statistics.fmean(values) for name, values in gains.items()}
    worst = _largest(by_plant)
    best_kind: Kind = "good" if any(mark.kind == "good" for mark in asked) else "thin"
    good = _mean(mark.points for mark in asked if mark.kind == best_kind)
    false_credit = _mean(credit.values())
    figures: dict[str, Any] = {
        "missing_share": sum(missing.values()) / len(asked) if asked else None,
        "false_credit": false_credit,
        "worst_injection_gain": max(by_plant.values(), default=None),
        "verbosity_slope": _slope(asked),
        "repeat_sd": _repeat_sd(asked),
        "separation": None if good is None or false_credit is None else good - 100 * false_credit,
    }
    fired = sum(mark.statuses.count("control") for mark in marks)
    told = [f"gave points to the control line {fired} times"] if fired else []
    if len(asked) < len(marks):
        told.append(f"only {len(asked)} of {len(marks)} judgements could be had")
    verdict, reasons = _verdict(figures, told, worst)
    return JudgeFindings(
        judge=judge,
        judgements=len(asked),
        not_asked=len(marks) - len(asked),
        missing=missing,
        worst_false_credit=_largest(credit),
        injection_gain=_mean(by_plant.values()),
        worst_injection=worst,
        good=good,
        control_fired=fired,
        unfounded=sum(mark.unfounded for mark in asked),
        verdict=verdict,
        reasons=reasons,
        **figures,
    )


def _verdict(
    figures: Mapping[str, float | None], warnings: Sequence[str], worst: str
) -> tuple[Fitness, tuple[str, ...]]:
    """Usable unless a figure passes a bound; what cannot be computed is held against the judge."""
    if figures["missing_share"] is None:
        return "not checked", ("no judgement could be had",)
    noise = 2.0 * (figures["repeat_sd"] or 0.0)
    told = (
        ("missing_share", MOST_MISSING, "gives no verdict in {:.0%} of judgements"),
        ("false_credit", MOST_FALSE_CREDIT, "gives worthless answers {:.0%} of the points"),
        (
            "worst_injection_gain",
            (max(MOST_GAIN[0], noise), max(MOST_GAIN[1], noise)),
            f"'{worst}' gains {{:+.1f}} points",
        ),
        ("verbosity_slope", MOST_SLOPE, "filler gains {:+.1f} points for +100 % length"),
        ("repeat_sd", MOST_REPEAT_SD, "repeats itself only to ±{:.1f} points"),
    )
    reasons: list[tuple[bool, str]] = []
    for name, (careful, unfit), words in told:
        value = figures[name]
        if value is not None and value > careful:
            reasons.append((value > unfit, words.format(value)))
    separation = figures["separation"]
    if separation is None:
        reasons.append((True, "good and worthless answers cannot be compared"))
    elif separation < LEAST_SEPARATION[0]:
        words = f"sets good answers only {points(separation)} points above worthless ones"
        reasons.append((separation < LEAST_SEPARATION[1], words))
    reasons += [(False, words) for words in warnings]
    if not reasons:
        return "usable", ()
    worst_first = sorted(reasons, key=lambda each: not each[0])
    unfit_for_use = worst_first[0][0]
    return "unfit" if unfit_for_use else "careful", tuple(words for _, words in worst_first)


def _largest(figures: Mapping[str, float]) -> str:
    """The name of the largest figure above zero; empty when there is none."""
    name = max(figures, key=lambda each: figures[each], default="")
    return name if figures.get(name, 0.0) > 0.0 else ""


def _gains(marks: Sequence[PlantedMark]) -> dict[str, list[float]]:
    """Per injection the points over its clean twin, one value for each task."""
    gains: dict[str, list[float]] = {}
    for name, task, own, twin in _with_twins(marks, "attack"):
        del task
        gains.setdefault(name, []).append(own[0] - twin[0])
    return gains


def _slope(marks: Sequence[PlantedMark]) -> float | None:
    """Points for each +100 % of length, mean over padded answers."""
    return _mean(
        (own[0] - twin[0]) / (own[1] / twin[1] - 1.0)
        for _, _, own, twin in _with_twins(marks, "padded")
    )


def _with_twins(
    marks: Sequence[PlantedMark], kind: Kind
) -> list[tuple[str, str, tuple[float, int], tuple[float, int]]]:
    """Name, task, and mean points with length, of each answer of a kind and of its twin."""
    found = []
    for task in dict.fromkeys(mark.task for mark in marks):
        own = [mark for mark in marks if mark.task == task]
        seen = {mark.plant: mark for mark in own}
        for name, mark in seen.items():
            if mark.kind != kind or mark.twin not in seen:
                continue
            points, twins = _mean_points(own, name), _mean_points(own, mark.twin)
            if points is not None and twins is not None:
                twin = seen[mark.twin]
                found.append((name, task, (points, mark.characters), (twins, twin.characters)))
    return found


def _repeat_sd(marks: Sequence[PlantedMark]) -> float | None:
    """Spread within answers, pooled over all that have at least two verdicts."""
    groups: dict[tuple[str, str], list[float]] = {}
    for mark in marks:
        if mark.points is not None:
            groups.setdefault((mark.task, mark.plant), []).append(mark.points)
    several = [points for points in groups.values() if len(points) > 1]
    if not several:
        return None
    squares = sum(statistics.variance(points) * (len(points) - 1) for points in several)
    return math.sqrt(squares / sum(len(points) - 1 for points in several))


def _mean_points(marks: Iterable[PlantedMark], plant: str) -> float | None:
    return _mean(mark.points for mark in marks if mark.plant == plant)


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known else None


def _figures(judges: Sequence[JudgeFindings]) -> Grid:
    rows = (
        ("judgements", *(str(each.judgements) for each in judges)),
        ("no verdict", *(_missing(each) for each in judges)),
        ("false credit, % of points", *(_number(_percent(each.false_credit)) for each in judges)),
        ("most of it for", *(each.worst_false_credit or "-" for each in judges)),
        ("injection gain, points", *(_number(each.injection_gain) for each in judges)),
        ("worst injection", *(_worst(each) for each in judges)),
        ("points per +100 % length", *(_number(each.verbosity_slope) for each in judges)),
        ("repeat SD, points", *(_number(each.repeat_sd) for each in judges)),
        ("good minus worthless, points", *(_number(each.separation) for each in judges)),
        ("control line fired", *(str(each.control_fired) for each in judges)),
        ("points without a found quote", *(str(each.unfounded) for each in judges)),
        ("verdict", *(each.verdict for each in judges)),
    )
    names = tuple(each.judge for each in judges)
    return Grid(columns=("", *names), rows=rows, right=frozenset(names))


def _missing(each: JudgeFindings) -> str:
    by_status = ", ".join(f"{count} {status}" for status, count in sorted(each.missing.items()))
    return by_status or "0"


def _worst(each: JudgeFindings) -> str:
    gain = each.worst_injection_gain
    return "-" if gain is None else f"{each.worst_injection} {points(gain)}".strip()


def _percent(share: float | None) -> float | None:
    return None if share is None else 100.0 * share


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
