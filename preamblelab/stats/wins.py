"""Win tables from the winner of each test or from judges' preferences, with what they can show."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import bdtr

from preamblelab.errors import SpecError, TableError
from preamblelab.stats.codes import Floats
from preamblelab.stats.intervals import binomial_limits, holm, t_quantile
from preamblelab.stats.sentences import spread_sentence

WIN_COLUMNS = (
    "model",
    "wins",
    "share",
    "low",
    "high",
    "rank_low",
    "rank_high",
    "flags",
    "sentence",
)
"""What the win tables return; most wins first."""


def win_floor(n_tests: int, n_models: int, *, per: int | None = None) -> float:
    """Standard deviation of the wins of a model that is as good as the others.

    This is the spread over new draws of tests; asking the same tests again does not shrink it.

    Args:
        n_tests: Tests with one winner each.
        n_models: Models that share the wins.
        per: Scale the wins to this number of tests; None: wins among `n_tests`.

    Returns:
        Wins. 28 tests and 11 models give 1.521; 100 tests, told per 28, give 0.805.

    Examples:
        >>> round(win_floor(28, 11), 3)
        1.521

    Raises:
        SpecError: A count is below 1.
    """
    if n_tests < 1 or n_models < 1 or (per is not None and per < 1):
        raise SpecError(
            f"win_floor: tests {n_tests}, models {n_models}, per {per}: give at least 1 of each"
        )
    share = 1.0 / n_models
    floor = float(np.sqrt(n_tests * share * (1.0 - share)))
    return floor if per is None else floor * per / n_tests


def win_table(
    df: pd.DataFrame, *, models: Sequence[str] | None = None, level: float = 0.95
) -> pd.DataFrame:
    """Share of the tests that each model wins, with intervals that know which tests repeat.

    Intervals after Korn and Graubard (1998), a test being a cluster of its repetitions. Two models
    are told apart by a sign test over the tests, all pairs held together by Holm.

    Args:
        df: Columns `test, winner`, and where there `repetition` (or `run`) and `judge`: one row per
            winner named. `task` is read as `test`. Several judges of one test share its one win;
            a missing winner is a judge who named none and is left out.
        models: All models that took part; needed when one never won, or it stays unseen.
        level: Confidence of each interval, and of all comparisons together, 0 to 1.

    Returns:
        A row per model, most wins first: `model, wins, share` (0 to 1), `low, high, rank_low,
        rank_high, flags` (``at_the_floor`` for no win at all) and `sentence`; ``attrs`` has
        `tests`, `win_floor` (wins per repetition of all tests) and `unnamed` (judgements without a
        winner).

    Raises:
        TableError: A column is absent, no winner is named, or a winner is not among `models`.
    """
    names, shares, test, unnamed = _votes(df, models)
    total = shares.sum(axis=0)
    per_test = _sum_by(shares, test)
    sizes = np.bincount(test).astype(float)
    low, high = korn_graubard(per_test, sizes, level)
    rounded = np.sign(per_test[:, :, None] - per_test[:, None, :])
    ahead = (rounded > 0).sum(axis=0)
    above = _proven(ahead, 1.0 - level)
    result = _table(names, total, total / len(shares), (low, high), above)
    result.attrs["tests"] = len(sizes)
    result.attrs["win_floor"] = win_floor(len(sizes), len(names))
    result.attrs["unnamed"] = unnamed
    return result


def win_table_from_counts(
    counts: Mapping[str, Sequence[int]],
    *,
    tests: int,
    repeats: Literal["the same tests", "new tests"] = "the same tests",
    level: float = 0.95,
) -> pd.DataFrame:
    """The win table of a published table of counts, where the winner of each test is not known.

    Args:
        counts: Model to wins in each repetition.
        tests: Tests per repetition.
        repeats: Whether every repetition asked ``the same tests`` (then they count once: the
            cautious reading) or ``new tests``.
        level: Confidence, 0 to 1.

    Returns:
        As `win_table`.

    Raises:
        TableError: The wins of a repetition do not add up to the tests.
    """
    wins = np.array(list(counts.values()), dtype=float)
    if wins.ndim != 2 or (wins.sum(axis=0) != tests).any():
        raise TableError(
            f"wins add up to {wins.sum(axis=0).tolist()} in the repetitions, not to {tests} "
            "tests: give every model, and the wins of each repetition"
        )
    share = wins.sum(axis=1) / wins.sum()
    effective = tests * (wins.shape[1] if repeats == "new tests" else 1)
    low, high = binomial_limits(share, np.full(len(share), float(effective)), level)
    expected = np.round(share * effective).astype(np.int64)
    ahead = np.repeat(expected[:, None], len(share), axis=1)
    above = _proven(ahead, 1.0 - level)
    result = _table(tuple(counts), wins.sum(axis=1), share, (low, high), above)
    result.attrs["tests"] = effective
    result.attrs["win_floor"] = win_floor(tests, len(share))
    result.attrs["unnamed"] = 0
    return result


def wins_by_repetition(df: pd.DataFrame, *, models: Sequence[str] | None = None) -> pd.DataFrame:
    """Wins of each model in each repetition, with their range, which is no standard deviation.

    Args:
        df: As in `win_table`.
        models: As in `win_table`.

    Returns:
        A row per model, most wins first: `model`, `wins_1, ...`, `range` and `sentence`.
    """
    table = _renamed(df)
    if "repetition" not in table.columns:
        table = table.assign(repetition=1)
    numbers = sorted(table["repetition"].unique())
    own = [
        win_table(table[table["repetition"] == number], models=_names(table, models))
        for number in numbers
    ]
    counts = pd.DataFrame(
        {
            f"wins_{place}": each.set_index("model")["wins"]
            for place, each in enumerate(own, start=1)
        }
    )
    return ranged(counts)


def ranged(counts: pd.DataFrame) -> pd.DataFrame:
    """Wins per repetition, models x repetitions, with their range in figures and in words.

    Equal wins every time are ``stable``, none every time are ``at the floor``, which is not.
    """
    order = counts.sum(axis=1).sort_values(ascending=False, kind="stable").index
    found = counts.loc[order]
    values = found.to_numpy(dtype=float)
    status = [
        "at the floor" if row.sum() == 0 else "stable" if len(row) > 1 and np.ptp(row) == 0 else ""
        for row in values
    ]
    sentences = [
        spread_sentence(str(name), row, said, "wins")
        for name, row, said in zip(found.index, values, status, strict=True)
    ]
    spread = values.max(axis=1) - values.min(axis=1)
    return found.assign(range=spread, sentence=sentences).rename_axis("model").reset_index()


def group_wins(by_repetition: pd.DataFrame, members: Sequence[str]) -> tuple[float, ...]:
    """Wins that several models take together, in each repetition.

    Args:
        by_repetition: as `wins_by_repetition` or `ranged` give it.
        members: names of the models.

    Raises:
        TableError: a name is not in the table.
    """
    absent = sorted(set(members) - set(by_repetition["model"]))
    if absent or not len(members):
        raise TableError(f"no model '{absent[0] if absent else ''}' in the win table")
    own = by_repetition[by_repetition["model"].isin(members)].filter(like="wins_")
    return tuple(float(each) for each in own.sum(axis=0))


def korn_graubard(per_test: Floats, sizes: Floats, level: float = 0.95) -> tuple[Floats, Floats]:
    """Exact-style interval of a share whose observations come in clusters.

    The effective number of observations is that of a simple sample with the same variance, cut to
    the number there is, and corrected for the few clusters that the variance rests on.

    Args:
        per_test: Wins, tests x models.
        sizes: Observations per test.
        level: Confidence, 0 to 1.

    Returns:
        Lower and upper limits, one per model, 0 to 1.
    """
    clusters, total = len(sizes), float(sizes.sum())
    share = per_test.sum(axis=0) / total
    residual = per_test - share * sizes[:, None]
    variance = clusters / max(clusters - 1, 1) * (residual**2).sum(axis=0) / total**2
    simple = share * (1.0 - share)
    known = (variance > 1e-15) & (simple > 0.0)
    # With no win seen the tests alone say how many chances there were.
    effective = np.where(known, simple / np.where(known, variance, 1.0), float(clusters))
    ratio = t_quantile(level, max(total - 1.0, 1.0)) / t_quantile(level, max(clusters - 1.0, 1.0))
    return binomial_limits(share, np.minimum(effective * ratio**2, total), level)


def _votes(
    df: pd.DataFrame, models: Sequence[str] | None
) -> tuple[tuple[str, ...], Floats, NDArray[np.int64], int]:
    """Names, each observation's win shared over the models, its test, and winners not named."""
    table = _renamed(df)
    named = table["winner"].notna()
    kept = table[named]
    if kept.empty:
        raise TableError("no winner is named in the table: nothing was won")
    names = _names(table, models)
    winner = pd.Index(names).get_indexer(pd.Index(kept["winner"]))
    if (winner < 0).any():
        stranger = kept["winner"].iloc[int(np.argmax(winner < 0))]
        raise TableError(f"winner {stranger!r} is not among the models; add it to models=")
    keys = [column for column in ("repetition", "test") if column in kept.columns]
    observation = kept.groupby(keys, sort=True).ngroup().to_numpy()
    votes = np.zeros((int(observation.max()) + 1, len(names)))
    np.add.at(votes, (observation, winner), 1.0)
    votes /= votes.sum(axis=1, keepdims=True)
    test = np.zeros(len(votes), dtype=np.int64)
    test[observation] = pd.factorize(kept["test"], sort=True)[0]
    return names, votes, test, int((~named).sum())


def _renamed(df: pd.DataFrame) -> pd.DataFrame:
    """The table under our names."""
    names = {
        old: new
        for old, new in (("task", "test"), ("run", "repetition"))
        if old in df.columns and new not in df.columns
    }
    table = df.rename(columns=names)
    for column in ("test", "winner"):
        if column not in table.columns:
            raise TableError(
                f"a win table needs the column {column!r}; this one has {', '.join(df.columns)}"
            )
    return table


def _names(table: pd.DataFrame, models: Sequence[str] | None) -> tuple[str, ...]:
    if models is not None:
        return tuple(models)
    return tuple(sorted(table["winner"].dropna().unique()))


def _sum_by(values: Floats, group: NDArray[np.int64]) -> Floats:
    result = np.zeros((int(group.max()) + 1, values.shape[1]))
    np.add.at(result, group, values)
    return result


def _proven(ahead: NDArray[np.int64], alpha: float) -> NDArray[np.bool_]:
    """Which model is proven to win more than which: sign tests on tests ahead, with Holm."""
    models = len(ahead)
    first, second = np.triu_indices(models, 1)
    more, less = ahead[first, second], ahead[second, first]
    n = more + less
    p = np.where(n > 0, np.minimum(1.0, 2.0 * bdtr(np.minimum(more, less), n, 0.5)), 1.0)
    proven = holm(p) <= alpha
    above = np.zeros((models, models), dtype=bool)
    above[first, second] = proven & (more > less)
    above[second, first] = proven & (less > more)
    return above


def _table(
    names: Sequence[str],
    wins: Floats,
    share: Floats,
    limits: tuple[Floats, Floats],
    above: NDArray[np.bool_],
) -> pd.DataFrame:
    low, high = limits
    rank_low, rank_high = 1 + above.sum(axis=0), len(names) - above.sum(axis=1)
    rows = []
    for i in sorted(range(len(names)), key=lambda i: (-share[i], names[i])):
        flag = "at_the_floor" if wins[i] == 0 else ""
        says = (
            f"{names[i]}: wins {share[i]:.0%} of the tests ({low[i]:.0%} to {high[i]:.0%}), "
            f"rank {rank_low[i]} to {rank_high[i]} of {len(names)}"
        )
        tail = "; never winning is the floor, not stability." if flag else "."
        row = (names[i], float(wins[i]), float(share[i]), float(low[i]), float(high[i]))
        rows.append((*row, int(rank_low[i]), int(rank_high[i]), flag, says + tail))
    return pd.DataFrame(rows, columns=list(WIN_COLUMNS))
