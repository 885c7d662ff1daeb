"""Judges that pick a winner: order, length, repetition, and agreement with human labels."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from preamblelab.errors import TableError
from preamblelab.stats.codes import Floats
from preamblelab.stats.intervals import binomial_limits, t_quantile
from preamblelab.stats.reliability import Share, clustered_mean, krippendorff_alpha


class Repeatability(NamedTuple):
    """One judge asked several times about the same answers."""

    items: int
    """Answers marked at least twice."""
    not_unanimous: Share
    """Share of answers whose marks are not all equal."""
    wide: Share
    """Share of answers whose marks span the threshold or more."""
    threshold: float
    """Points."""
    sd: float
    """Spread of one mark around the answer's mean, points."""
    alpha: float
    """Krippendorff's alpha of the judge with itself."""

    def __str__(self) -> str:
        return (
            f"Asked again, the judge changed its mark on {self.not_unanimous.value:.1%} of "
            f"{self.items} answers, by {self.threshold:g} or more on {self.wide.value:.1%}; "
            f"spread of one mark {self.sd:.3f} points, alpha {self.alpha:.2f}."
        )


def repeatability(marks: Floats, threshold: float = 2.0, *, level: float = 0.95) -> Repeatability:
    """How a judge agrees with itself.

    Args:
        marks: Answers x repetitions of the judging, NaN where missing.
        threshold: Points that count as a wide span, this one included.
        level: Confidence, 0 to 1.

    Returns:
        Shares with exact binomial intervals, the spread and alpha.

    Raises:
        TableError: No answer was marked twice.
    """
    marks = np.asarray(marks, dtype=float)
    count = np.isfinite(marks).sum(axis=1)
    cells, count = marks[count >= 2], count[count >= 2]
    if not len(cells):
        raise TableError("no answer was marked twice by the judge: nothing says how it repeats")
    there = np.isfinite(cells)
    span = np.where(there, cells, -np.inf).max(axis=1) - np.where(there, cells, np.inf).min(axis=1)
    mean = np.where(there, cells, 0.0).sum(axis=1) / count
    squares = np.where(there, (cells - mean[:, None]) ** 2, 0.0).sum()
    return Repeatability(
        items=len(cells),
        not_unanimous=exact_share(int((span > 0).sum()), len(cells), level),
        wide=exact_share(int((span >= threshold - 1e-9).sum()), len(cells), level),
        threshold=threshold,
        sd=float(np.sqrt(squares / (count - 1).sum())),
        alpha=krippendorff_alpha(cells),
    )


def exact_share(hits: int, n: int, level: float = 0.95) -> Share:
    """A share with its Clopper-Pearson interval.

    Args:
        hits: How many did, 0 to n.
        n: Of how many.
        level: Confidence, 0 to 1.

    Returns:
        The share; all missing when n is 0.
    """
    if n == 0:
        return Share(np.nan, np.nan, np.nan)
    low, high = binomial_limits(np.array(hits / n), np.array(float(n)), level)
    return Share(hits / n, float(low), float(high))


def order_effect(df: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """Whether swapping the order of two answers changes the winner.

    Args:
        df: Columns `item, first` (the answer shown first), `winner` (the answer that won, named
            as in `first`; missing: none named), and `judge` where there are several. Each item is
            there once for each order.
        level: Confidence, 0 to 1.

    Returns:
        A row per judge: `judge, n` (items judged in both orders), `unreadable, consistent` (share
        that keep their winner), `low, high, first_share` (verdicts for the answer shown first; .5
        is fair), `first_low, first_high` (clustered by item) and `sentence`.
    """
    rows = []
    for judge, own in _by_judge(df, ("item", "first", "winner")):
        known = own[own["winner"].notna()]
        sides = known.groupby("item").agg(
            orders=("first", "nunique"), winners=("winner", "nunique"), n=("winner", "size")
        )
        both = sides[sides["orders"] == 2]
        same = exact_share(int((both["winners"] == 1).sum()), len(both), level)
        used = known[known["item"].isin(both.index)]
        won = (used["winner"] == used["first"]).to_numpy(dtype=float)
        tied = ~used["winner"].isin(set(used["first"])).to_numpy()
        item = pd.factorize(used["item"], sort=True)[0].astype(np.int64)
        fair: Floats = np.asarray(np.where(tied, 0.5, won), dtype=float)
        first = clustered_mean(fair, item, level, (0.0, 1.0))
        says = (
            f"{judge}: keeps its winner on {same.value:.1%} of {len(both)} items when the order is "
            f"swapped ({same.low:.1%} to {same.high:.1%}); picks the first shown {first.value:.0%}."
        )
        silent = int(own["winner"].isna().sum())
        rows.append((judge, len(both), silent, *same, *first, says))
    return pd.DataFrame(
        rows,
        columns=[
            "judge", "n", "unreadable", "consistent", "low", "high",
            "first_share", "first_low", "first_high", "sentence",
        ],
    )  # fmt: skip


def length_preference(df: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """Whether a judge picks the longer answer more often than the right answer is the longer.

    Args:
        df: Columns `item, winner, longer` (the longer answer, named as in `winner`; missing: equal
            lengths), `label` (the right answer) where known, and `judge` where there are several.
        level: Confidence, 0 to 1.

    Returns:
        A row per judge: `judge, n, picks_longer, low, high` (shares, clustered by item),
        `right_is_longer` (share, missing without labels), `favour, favour_low, favour_high` (picks
        - right) and `sentence`.
    """
    rows = []
    for judge, own in _by_judge(df, ("item", "winner", "longer")):
        used = own[own["winner"].notna() & own["longer"].notna()]
        _refuse_other_names(used, "longer")
        item = pd.factorize(used["item"], sort=True)[0].astype(np.int64)
        picks: Floats = np.asarray(used["winner"] == used["longer"], dtype=float)
        found = clustered_mean(picks, item, level, (0.0, 1.0))
        right, favour = np.nan, Share(np.nan, np.nan, np.nan)
        if "label" in used.columns:
            gold: Floats = np.asarray(used["label"] == used["longer"], dtype=float)
            right = float(gold.mean()) if len(gold) else np.nan
            favour = clustered_mean(picks - gold, item, level, (-1.0, 1.0))
        says = f"{judge}: picks the longer answer {found.value:.0%} of {len(used)} times"
        if np.isfinite(right):
            says += f"; it is right {right:.0%} of the time ({favour.value:+.0%})"
        rows.append((judge, len(used), *found, right, *favour, says + "."))
    return pd.DataFrame(
        rows,
        columns=[
            "judge", "n", "picks_longer", "low", "high",
            "right_is_longer", "favour", "favour_low", "favour_high", "sentence",
        ],
    )  # fmt: skip


def length_slope(df: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """Points that a judge gives for twice the length, among answers to the same task.

    Not a bias by itself: a longer answer may be a better one. Two judges of the same answers may
    be compared, and the brevity clause's effect read beside it.

    Args:
        df: Columns `task, score, length` (characters or tokens, above 0), and `judge` where there
            are several.
        level: Confidence, 0 to 1.

    Returns:
        A row per judge: `judge, n, slope, low, high` (points per doubling, clustered by task) and
        `sentence`; no slope where no task has answers of two lengths.
    """
    rows = []
    for judge, own in _by_judge(df, ("task", "score", "length")):
        used = own[own["score"].notna() & (own["length"] > 0)]
        task = pd.factorize(used["task"], sort=True)[0]
        doublings = np.log2(used["length"].to_numpy(dtype=float))
        x = doublings - _group_mean(doublings, task)
        score = used["score"].to_numpy(dtype=float)
        y = score - _group_mean(score, task)
        spread = float((x**2).sum())
        found = Share(np.nan, np.nan, np.nan)
        if spread > 1e-12:
            slope = float((x * y).sum() / spread)
            pull = np.bincount(task, weights=x * (y - slope * x))
            k = len(pull)
            half = np.nan
            if k > 1:
                half = float(t_quantile(level, k - 1.0)) * float(
                    np.sqrt(k / (k - 1) * (pull**2).sum()) / spread
                )
            found = Share(slope, slope - half, slope + half)
        says = f"{judge}: {found.value:+.1f} points for twice the length of answer"
        rows.append((judge, len(used), *found, f"{says} ({found.low:+.1f} to {found.high:+.1f})."))
    return pd.DataFrame(rows, columns=["judge", "n", "slope", "low", "high", "sentence"])


def label_agreement(df: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """How far a judge's verdicts agree with labels given by people.

    Args:
        df: Columns `verdict` (missing: the reply could not be read) and `label`, and `judge` where
            there are several.
        level: Confidence, 0 to 1.

    Returns:
        A row per judge: `judge, n` (readable), `unreadable, accuracy, low, high` (readable
        verdicts), `accuracy_all` (the unreadable counted as wrong), `kappa, kappa_low, kappa_high`
        and `sentence`.
    """
    rows = []
    for judge, own in _by_judge(df, ("verdict", "label")):
        labelled = own[own["label"].notna()]
        used = labelled[labelled["verdict"].notna()]
        right = int((used["verdict"] == used["label"]).sum())
        found = exact_share(right, len(used), level)
        kappa = cohen_kappa(used["verdict"].to_numpy(), used["label"].to_numpy(), level=level)
        silent = len(labelled) - len(used)
        whole = right / len(labelled) if len(labelled) else np.nan
        says = (
            f"{judge}: agrees with the labels on {found.value:.1%} of {len(used)} "
            f"({found.low:.1%} to {found.high:.1%}), kappa {kappa.value:.2f}"
        )
        tail = (
            f"; {silent} replies could not be read ({whole:.1%} counting them)." if silent else "."
        )
        rows.append((judge, len(used), silent, *found, whole, *kappa, says + tail))
    return pd.DataFrame(
        rows,
        columns=[
            "judge", "n", "unreadable", "accuracy", "low", "high", "accuracy_all",
            "kappa", "kappa_low", "kappa_high", "sentence",
        ],
    )  # fmt: skip


def cohen_kappa(
    first: NDArray[np.object_], second: NDArray[np.object_], *, level: float = 0.95
) -> Share:
    """Cohen's kappa of two raters with its large-sample interval (Fleiss, Cohen, Everitt 1969).

    Args:
        first: Verdicts of one rater.
        second: Verdicts of the other on the same items.
        level: Confidence, 0 to 1.

    Returns:
        Kappa; missing when both always say the same one thing, or nothing was said.
    """
    n = len(first)
    both = np.concatenate([np.asarray(first, dtype=object), np.asarray(second, dtype=object)])
    code, names = pd.factorize(both)
    k = len(names)
    table = np.zeros((k, k))
    np.add.at(table, (code[:n], code[n:]), 1.0 / max(n, 1))
    rows, columns = table.sum(axis=1), table.sum(axis=0)
    agreed, chance = float(np.trace(table)), float(rows @ columns)
    if n == 0 or chance >= 1.0:
        return Share(np.nan, np.nan, np.nan)
    kappa = (agreed - chance) / (1.0 - chance)
    margins = rows[None, :] + columns[:, None]
    on = (np.diag(table) * (1.0 - (rows + columns) * (1.0 - kappa)) ** 2).sum()
    off = ((table - np.diag(np.diag(table))) * margins**2).sum() * (1.0 - kappa) ** 2
    rest = (kappa - chance * (1.0 - kappa)) ** 2
    variance = max(on + off - rest, 0.0) / ((1.0 - chance) ** 2 * n)
    half = float(t_quantile(level, np.inf)) * float(np.sqrt(variance))
    return Share(kappa, max(kappa - half, -1.0), min(kappa + half, 1.0))


def _refuse_other_names(used: pd.DataFrame, column: str) -> None:
    """Refuse names of answers that no winner has: "1.0" is not "1", and would agree with none."""
    if len(used) and not used[column].isin(set(used["winner"])).any():
        raise TableError(
            f"column {column!r} names {used[column].iloc[0]!r}, and no winner is named so "
            f"({used['winner'].iloc[0]!r}, ...): name the answers alike in both columns"
        )


def _by_judge(df: pd.DataFrame, needed: tuple[str, ...]) -> list[tuple[str, pd.DataFrame]]:
    for column in needed:
        if column not in df.columns:
            raise TableError(
                f"the table needs the column {column!r}; it has {', '.join(map(str, df.columns))}"
            )
    if "judge" not in df.columns:
        return [("the judge", df)]
    return [(str(judge), own) for judge, own in df.groupby("judge", sort=True)]


def _group_mean(values: Floats, group: NDArray[np.intp]) -> Floats:
    count = np.bincount(group)
    return np.asarray((np.bincount(group, weights=values) / np.maximum(count, 1))[group])
