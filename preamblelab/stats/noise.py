"""Owns the noise: where the variance of scores comes from, and what a design cannot see for it."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special

from preamblelab.errors import TableError
from preamblelab.stats.codes import Codes, Floats, column_codes, combined_codes, group_sums
from preamblelab.stats.effects import effects
from preamblelab.stats.henderson import chain_components
from preamblelab.stats.intervals import t_quantile, visible_effect
from preamblelab.stats.marks import Reduction, dimension_means, reduced
from preamblelab.stats.sentences import LIKE_THESE
from preamblelab.stats.tables import distinct_answers

COMPONENTS = ("task", "task_model", "task_variant", "repetition", "judge")
CHANCE = 0.8
# A variance needs no bounds.
ANY_SCORE = (-np.inf, np.inf)


def components(df: pd.DataFrame) -> pd.DataFrame:
    """Split the variance of the scores into task, task x model, task x variant, repetition, judge.

    Henderson's method III: unbiased with missing cells. Model x variant and the judges' leniency
    are fixed. Answers equal byte for byte (`output_hash`) are one repetition judged again, so that
    copies show the judge alone. A negative variance is set to 0, flagged, and kept as `raw`.

    Args:
        df: long score table, see `preamblelab.stats.tables`.

    Returns:
        One row per component: component, variance (points squared), raw, sd (points), share (of
        the sum, 0..1), df, flags. "task_variant" is the spread between tasks of a variant's effect
        on one model. "not_separable: inside X" means the design cannot tell it from X.

    Raises:
        TableError: the table cannot be used, or holds no score.
    """
    reduction = reduced(df, score_range=ANY_SCORE)
    trials = reduction.trials
    trial, judge, scores = judge_scores(reduction)
    if not len(scores):
        raise TableError("the table holds no score: nothing can be said of the noise")
    parts = {name: column_codes(trials[name]) for name in ("model", "variant", "task")}
    model, variant, task = parts["model"], parts["variant"], parts["task"]
    cell, _ = combined_codes([model, variant, task])
    answer, _ = distinct_answers(trials, cell, int(cell.max()) + 1)
    levels = {
        "task": task[0],
        "task_model": combined_codes([task, model])[0],
        "task_variant": cell,
        "repetition": answer,
    }
    chain = [(name, _compact(codes[trial])) for name, codes in levels.items()]
    chain.append(("judge", np.arange(len(scores), dtype=np.int64)))
    fixed = _compact(combined_codes([model, variant])[0][trial])
    found = chain_components(scores, fixed, _compact(judge), chain)
    table = pd.DataFrame(
        {
            "component": [item.name for item in found],
            "variance": [item.variance for item in found],
            "raw": [item.raw for item in found],
            "sd": np.sqrt([item.variance for item in found]),
            "df": [item.df for item in found],
            "flags": [item.flag for item in found],
        }
    )
    total = float(table["variance"].sum())
    share = table["variance"] / total if total > 0 else table["variance"]
    table.insert(4, "share", share)
    return table


def _compact(codes: Codes) -> Codes:
    """The codes without gaps."""
    return combined_codes([(codes, int(codes.max(initial=-1)) + 1)])[0]


def judge_scores(reduction: Reduction) -> tuple[Codes, Codes, Floats]:
    """Score that each judge alone would give: (trial, judge, points), one entry per known score.

    A dimension that a judge never marks (an executed test, say) counts for every judge alike. Only
    judges who share a dimension with another are told apart.
    """
    every = reduction.trials["score"].to_numpy(dtype=np.float64)
    marks = reduction.marks
    marked = np.zeros((1, 1), dtype=bool)
    if marks is not None:
        marked = np.zeros((marks.n_judges, marks.n_dimensions), dtype=bool)
        marked[marks.judge, marks.dimension] = True
    panel = np.flatnonzero(marked[:, marked.sum(axis=0) > 1].any(axis=1))
    if marks is None or len(panel) < 2:
        scored = np.flatnonzero(~np.isnan(every))
        return scored, np.zeros(len(scored), dtype=np.int64), every[scored]
    means = dimension_means(marks, marks.points, len(every))
    scores = np.empty((len(every), len(panel)))
    for place, number in enumerate(panel):
        own = marks.judge == number
        points = np.full(means.shape, np.nan)
        points[marks.trial[own], marks.dimension[own]] = marks.points[own]
        scores[:, place] = np.where(marked[number], points, means).sum(axis=1)
    trial, judge = np.nonzero(~np.isnan(scores))
    return trial, judge, scores[trial, judge]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """A standard deviation in points with its 95 % limits, and the replicates it rests on.

    Attributes:
        sd: standard deviation in points.
        low: lower limit (chi squared).
        high: upper limit.
        n_replicates: degrees of freedom: answers beyond the first of each group.
    """

    sd: float
    low: float
    high: float
    n_replicates: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseFloor:
    """What this design cannot see; None where nothing shows it.

    Attributes:
        repetition: spread of the score between different answers to the same trial.
        judge: spread of the score between judgings of one answer (byte-identical texts).
        n_repeats: answers beyond the first of their cell.
        n_copies: how many of those were byte-identical to an earlier one.
        n_tasks: median number of tasks per pair that has any.
        n_repetitions: median number of different answers per cell.
        floor: points by which two experiments with the same arm differ by chance (95 % limit).
        half_width: median half-width of an effect's interval, in points.
        smallest_effect: effect that the design finds with a chance of 80 %, in points.
    """

    repetition: Spread | None
    judge: Spread | None
    n_repeats: int
    n_copies: int
    n_tasks: int
    n_repetitions: float
    floor: float | None
    half_width: float | None
    smallest_effect: float | None

    @property
    def sentence(self) -> str:
        """The floor in words, for the head of a report."""
        said = [self._repeats()]
        if self.judge is not None and self.judge.high == 0:
            said.append("A byte-identical answer marked again keeps its points.")
        elif self.judge is not None:
            replicates = self.judge.n_replicates
            said.append(
                f"A byte-identical answer marked again moves by {self.judge.sd:.1f} points "
                f"(SD, {self.judge.low:.1f} to {self.judge.high:.1f}, {replicates} such "
                f"{'mark' if replicates == 1 else 'marks'}): that is the judge alone."
            )
        if self.floor is not None and round(self.floor, 1) > 0:
            said.append(f"An effect below {self.floor:.1f} points may be chance in the answers.")
        if self.n_tasks == 0:
            said.append("No variant is compared with the baseline, so no effect can be seen.")
        elif self.n_tasks > 1 and (self.smallest_effect is None or self.half_width is None):
            said.append("No effect varies from task to task here, so its spread is not known.")
        elif self.smallest_effect is None or self.half_width is None:
            said.append("With one task this design can see no effect on tasks like these.")
        else:
            said.append(
                f"With {self.n_tasks} tasks this design knows an effect to ±{self.half_width:.1f} "
                f"points and finds one of {self.smallest_effect:.1f} four times out of five."
            )
        return " ".join(said)

    def _repeats(self) -> str:
        if self.n_repeats == 0:
            return "No trial was repeated, so the spread between repetitions is not known."
        copies = (
            f"{self.n_copies} of {self.n_repeats} repeats were byte-identical copies."
            if self.n_copies
            else f"{self.n_repeats} repeats, none a copy."
        )
        if self.repetition is None:
            return f"{copies} The spread between repetitions is not known."
        spread = self.repetition
        return (
            f"{copies} A different answer to the same trial moves the score by {spread.sd:.1f} "
            f"points (SD, {spread.low:.1f} to {spread.high:.1f})."
        )


def noise_floor(
    df: pd.DataFrame,
    *,
    baseline: str = "baseline",
    level: float = 0.95,
    score_range: tuple[float, float] = (0.0, 100.0),
) -> NoiseFloor:
    """Measure the noise of a run from its own replicates.

    Args:
        df: long score table, see `preamblelab.stats.tables`.
        baseline: name of the variant the effects are compared with.
        level: confidence of the half-width, between 0 and 1.
        score_range: lowest and highest possible score, in points.

    Raises:
        TableError: the table cannot be used, or holds no such baseline.
    """
    trials = reduced(df, score_range=score_range).trials
    names = ("model", "variant", "task")
    cell, first = combined_codes([column_codes(trials[name]) for name in names])
    answer, n_answers = distinct_answers(trials, cell, len(first))
    scores = trials["score"].to_numpy(dtype=np.float64)
    scored = ~np.isnan(scores)
    counts = np.bincount(answer[scored], minlength=n_answers)
    of_cell = np.empty(n_answers, dtype=np.int64)
    of_cell[answer] = cell
    known = counts > 0
    means = group_sums(scores[scored], answer[scored], n_answers)[known] / counts[known]
    repetition = pooled_spread(means, of_cell[known])
    judge = _judge_spread(trials)
    table = effects(trials, baseline=baseline, level=level, score_range=score_range)
    usable = table[(table["scope"] == LIKE_THESE) & (table["se"] > 0)]
    n_tasks, repetitions = 0, np.nan
    if len(table):
        # A run that goes on has pairs without any task yet: they say nothing of the others.
        begun = table[table["n_tasks"] > 0]
        n_tasks = int(begun["n_tasks"].median()) if len(begun) else 0
        repetitions = float(begun["distinct_outputs"].median()) if len(begun) else np.nan
    half_width = smallest = None
    if len(usable):
        se, freedom = usable["se"].to_numpy(), usable["df"].to_numpy()
        half_width = float(np.median(t_quantile(level, freedom) * se))
        smallest = float(np.median(visible_effect(se, freedom, level=level, chance=CHANCE)))
    return NoiseFloor(
        repetition=repetition,
        judge=judge,
        n_repeats=int((np.bincount(cell[scored]) - 1).clip(min=0).sum()) if scored.any() else 0,
        n_copies=int((counts[known] - 1).sum()),
        n_tasks=n_tasks,
        n_repetitions=repetitions,
        floor=_floor(repetition or judge, n_tasks, repetitions, level),
        half_width=half_width,
        smallest_effect=smallest,
    )


def _floor(spread: Spread | None, n_tasks: int, repetitions: float, level: float) -> float | None:
    """Limit of the difference between two measurements of one arm, by their answers alone."""
    if spread is None or n_tasks == 0 or not repetitions > 0:
        return None
    quantile = float(t_quantile(level, float(spread.n_replicates)))
    return quantile * spread.sd * float(np.sqrt(2.0 / (n_tasks * repetitions)))


def pooled_spread(values: Floats, group: Codes, level: float = 0.95) -> Spread | None:
    """Pooled standard deviation within groups, with its limits; None without a group of two.

    Args:
        values: points.
        group: code of the group of each value.
        level: confidence of the limits, between 0 and 1.
    """
    if not len(values):
        return None
    size = np.bincount(group)
    with np.errstate(invalid="ignore"):
        means = group_sums(values, group, len(size)) / size
    freedom = int((size - 1).clip(min=0).sum())
    if freedom == 0:
        return None
    square = float(((values - means[group]) ** 2).sum())
    tail = (1.0 - level) / 2.0
    return Spread(
        sd=float(np.sqrt(square / freedom)),
        low=float(np.sqrt(square / special.chdtri(freedom, tail))),
        high=float(np.sqrt(square / special.chdtri(freedom, 1.0 - tail))),
        n_replicates=freedom,
    )


def _judge_spread(trials: pd.DataFrame) -> Spread | None:
    """Spread between scores of one text: same task and hash, whatever model or variant gave it."""
    if "output_hash" not in trials:
        return None
    hashes = trials["output_hash"]
    same = trials[trials["score"].notna() & hashes.notna() & (hashes != "")]
    if same.empty:
        return None
    # Any numbering of the texts will do: sorting as many as there are answers would cost most.
    texts, values = pd.factorize(same["output_hash"], sort=False)
    text, _ = combined_codes([column_codes(same["task"]), (texts.astype(np.int64), len(values))])
    return pooled_spread(same["score"].to_numpy(dtype=np.float64), text)


def below_floor(effects_table: pd.DataFrame, floor: NoiseFloor) -> "pd.Series[bool]":
    """Whether each effect is smaller than what chance in the answers gives; False if unknown."""
    limit = 0.0 if floor.floor is None else floor.floor
    return effects_table["effect"].abs() < limit
