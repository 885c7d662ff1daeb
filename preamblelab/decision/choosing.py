"""Which preamble for this model: partial pooling over the models tried, a probe, or none."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import logsumexp, ndtr, ndtri, stdtrit

from preamblelab.decision.notebooks import shown
from preamblelab.domain.sizes import SIZES, Size, size_class
from preamblelab.errors import SpecError, TableError
from preamblelab.stats.sentences import counted

Floats = NDArray[np.float64]

# Points: spread of a preamble's mean over preambles, of a size's own share, of the slope for 25
# points of baseline, and of what is left to each model. Their posterior weights come from the data.
_GRID = tuple(product((2.0, 6.0, 12.0), (1.0, 5.0, 12.0), (0.5, 3.0, 8.0), (3.0, 8.0)))

LEFT_OUT = ("refused", "undelivered")
"""Verdicts that take a row out: it says nothing of the effect."""

COLUMNS = ("variant", "expected", "sd", "p_positive", "models", "probed", "chosen")
"""What `Choice.table` holds; best first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The variant to use for a model, or none, with what speaks for it."""

    variant: str | None
    """The chosen variant; None: use no preamble."""
    expected: float
    """Expected gain over the baseline, points; 0 when none is chosen."""
    sd: float
    """How uncertain the gain is, points."""
    p_positive: float
    """Chance that it helps, 0 to 1."""
    tested: bool
    """Whether anything was measured on this very model."""
    table: pd.DataFrame
    """A row per variant: `variant, expected, sd, p_positive, models, probed, chosen`."""
    sentence: str
    """The choice in words."""

    def __str__(self) -> str:
        return self.sentence

    def _repr_html_(self) -> str:
        return shown(self.sentence, COLUMNS, self.table[list(COLUMNS)].itertuples(index=False))

    def to_pandas(self) -> pd.DataFrame:
        """The table of all variants."""
        return self.table


class _Models(NamedTuple):
    """What is known of the models whose effects were measured, and of the new one."""

    size: NDArray[np.object_]
    z: Floats
    new_size: Size
    new_z: float


class _Evidence(NamedTuple):
    """Effects of one variant: on other models, and on this one."""

    effect: Floats
    se: Floats
    place: NDArray[np.intp]
    own: tuple[tuple[float, float], ...]


def choose_preamble(
    effects: pd.DataFrame,
    models: pd.DataFrame,
    *,
    new_size_b: float | None = None,
    new_baseline: float | None = None,
    probe: pd.DataFrame | None = None,
    cautious: float = 0.5,
    model: str | None = None,
) -> Choice:
    """Choose the variant for a model, tested or not, or none where the evidence is weak.

    Each variant's effects on the models tried are drawn towards the variant's mean, its mean in
    the size class and its slope on the baseline (partial pooling: a Gaussian prior whose spreads
    are weighted by how well they explain all variants). What was measured on the model itself, by
    a probe or a whole experiment, is joined by its precision.

    Args:
        effects: Columns `model, variant, effect, se` (points; a missing se is taken as the median)
            and where there `baseline_mean` (best one that does not enter the effect); `df`, and
            `low, high, level` where se is 0 or missing, by which se is widened for few tasks; and
            `verdict`: rows that are refused or undelivered are left out.
        models: Columns `model` and `size_b` (billions of parameters, may be missing) or `size`.
        new_size_b: Parameters of the new model in billions; None: unknown, or as in `models`.
        new_baseline: Its mean score without preamble, 0 to 100; None: unknown.
        probe: Columns `variant, effect, se` measured on this model.
        cautious: Least chance that it helps, 0 to 1; .8 adopts only what is fairly sure.
        model: Name of the model; its own rows in `effects` then count as measured on it.

    Returns:
        The choice. None is chosen unless the expected gain is above 0 and the chance reaches
        `cautious`, nor where all was left out.

    Examples:
        >>> effects = pd.DataFrame({"model": ["a", "b", "c"], "variant": "mini",
        ...                         "effect": [11.0, 9.0, 12.0], "se": 2.0})
        >>> models = pd.DataFrame({"model": ["a", "b", "c"], "size_b": [4.0, 7.0, 8.0]})
        >>> choose_preamble(effects, models, new_size_b=6.0).variant
        'mini'

    Raises:
        TableError: A column is absent, or no effect is known at all.
        SpecError: `cautious` is not a share.
    """
    if not 0.0 <= cautious <= 1.0:
        raise SpecError(f"choose: cautious is {cautious}; give a chance from 0 to 1")
    table, left_out = _usable(_effects(effects))
    own, others = table[table["model"] == model], table[table["model"] != model]
    known, names = _models(others, models, own, model, new_size_b, new_baseline)
    evidence = _evidence(others, own, probe, names)
    if not evidence and len(left_out):
        return _abstention(left_out)
    if not evidence:
        raise TableError("no effect is known of any variant: run an experiment first")
    rows = _posterior(evidence, known)
    tested = any(seen.own for seen in evidence.values())
    choice = _choice(rows, evidence, cautious, tested=tested)
    here = left_out[left_out["model"] == model]
    if len(here):
        lost = _left_out_in_words(here)
        return replace(choice, sentence=f"{choice.sentence} Left out on this model: {lost}.")
    return choice


def _effects(effects: pd.DataFrame) -> pd.DataFrame:
    table = effects
    if "variant" not in table.columns and "preamble" in table.columns:
        table = table.rename(columns={"preamble": "variant"})
    for column in ("model", "variant", "effect", "se"):
        if column not in table.columns:
            raise TableError(
                f"choosing needs the column {column!r} among the effects; "
                f"it has {', '.join(map(str, effects.columns))}"
            )
    return table.assign(se=_widened(table))


def _usable(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows that say something of an effect, and those that a verdict takes out."""
    lost = np.zeros(len(table), dtype=bool)
    if "verdict" in table.columns:
        lost = table["verdict"].isin(LEFT_OUT).to_numpy()
    return table[table["effect"].notna() & ~lost], table[lost]


def _widened(table: pd.DataFrame) -> "pd.Series[float]":
    """Errors that a Gaussian may be given: as wide as the interval, which knows how few tasks.

    An error from two tasks is itself hardly known; t over z at 95 % says by how much.
    """
    error = table["se"].astype(float)
    known = error > 0
    if "df" in table.columns:
        df = table["df"].astype(float).to_numpy()
        with np.errstate(invalid="ignore"):
            factor = np.where(df > 0, stdtrit(df, 0.975) / ndtri(0.975), 1.0)
        error = error * factor
    if not {"low", "high", "level"} <= set(table.columns):
        return error
    # Looks adjust the level of the only interval that they give.
    level = table["adjusted_level" if "adjusted_level" in table.columns else "level"].astype(float)
    level = level.where(table["se"].isna(), table["level"].astype(float))
    low, high, effect = (table[name].astype(float) for name in ("low", "high", "effect"))
    reach = pd.concat([high - effect, effect - low], axis=1).max(axis=1, skipna=False)
    return error.where(known, reach / ndtri((1 + level) / 2))


def _abstention(left_out: pd.DataFrame) -> Choice:
    return Choice(
        variant=None,
        expected=0.0,
        sd=float("nan"),
        p_positive=float("nan"),
        tested=False,
        table=pd.DataFrame(columns=list(COLUMNS)),
        sentence=f"No preamble: nothing usable was measured; {_left_out_in_words(left_out)}.",
    )


def _left_out_in_words(left_out: pd.DataFrame) -> str:
    """What was left out and why; rows with one reason are counted together."""
    why = left_out["verdict"].astype(str)
    if "reason" in left_out.columns:
        why = why + ": " + left_out["reason"].astype(str)
    return "; ".join(
        f"{counted(int(number), 'pair')} {reason}" for reason, number in why.value_counts().items()
    )


def _models(
    others: pd.DataFrame,
    models: pd.DataFrame,
    own: pd.DataFrame,
    model: str | None,
    new_size_b: float | None,
    new_baseline: float | None,
) -> tuple[_Models, list[str]]:
    names = [str(name) for name in others["model"].unique()]
    sizes = _sizes(models)
    unknown = [name for name in names if name not in sizes]
    if unknown:
        raise TableError(f"model {unknown[0]!r} has effects and no row among the models; add it")
    size: Size = size_class(new_size_b) if new_size_b is not None else "unknown"
    if new_size_b is None and model is not None:
        size = sizes.get(model, "unknown")
    z = np.full(len(names), np.nan)
    if "baseline_mean" in others.columns:
        mean = others.groupby("model")["baseline_mean"].mean()
        z = (mean.reindex(names).to_numpy(dtype=float) - 50.0) / 25.0
        if new_baseline is None and len(own):
            new_baseline = float(own["baseline_mean"].mean())
    place = np.array([sizes[name] for name in names], dtype=object)
    # A baseline that is not known stands at the mean of its size class, or of all.
    centre = float(np.nanmean(z)) if np.isfinite(z).any() else 0.0
    by_size = {s: z[(place == s) & np.isfinite(z)] for s in set(sizes.values()) | {size}}
    typical = {s: float(own_z.mean()) if len(own_z) else centre for s, own_z in by_size.items()}
    filled = np.array([z[i] if np.isfinite(z[i]) else typical[s] for i, s in enumerate(place)])
    given = new_baseline is not None and np.isfinite(new_baseline)
    new_z = (float(new_baseline or 0.0) - 50.0) / 25.0 if given else typical[size]
    return _Models(size=place, z=filled.astype(float), new_size=size, new_z=new_z), names


def _sizes(models: pd.DataFrame) -> dict[str, Size]:
    """Size class of every model: from its parameters, else from its label, else unknown."""
    found: dict[str, Size] = {}
    for record in models.to_dict("records"):
        billions, label = record.get("size_b"), record.get("size")
        known = isinstance(billions, int | float) and np.isfinite(billions)
        size = size_class(float(billions)) if known and billions is not None else "unknown"
        for one in SIZES:
            size = one if size == "unknown" and label == one else size
        found[str(record["model"])] = size
    return found


def _evidence(
    others: pd.DataFrame, own: pd.DataFrame, probe: pd.DataFrame | None, names: list[str]
) -> dict[str, _Evidence]:
    measured = [own]
    if probe is not None:
        if "model" not in probe.columns:
            probe = probe.assign(model="this model")
        measured.append(_effects(probe))
    direct = pd.concat([part[["variant", "effect", "se"]] for part in measured])
    variants = dict.fromkeys([*others["variant"], *direct["variant"]])
    typical = _typical_se(others, direct)
    found = {}
    for variant in sorted(map(str, variants)):
        rows = others[others["variant"] == variant]
        here = direct[direct["variant"] == variant]
        found[variant] = _Evidence(
            effect=rows["effect"].to_numpy(dtype=float),
            se=_errors(rows["se"], typical),
            place=pd.Index(names).get_indexer(pd.Index(rows["model"].astype(str))),
            own=tuple(zip(here["effect"].astype(float), _errors(here["se"], typical), strict=True)),
        )
    return found


def _typical_se(others: pd.DataFrame, direct: pd.DataFrame) -> float:
    errors = pd.concat([others["se"], direct["se"]]).to_numpy(dtype=float)
    usable = errors[np.isfinite(errors) & (errors > 0)]
    if len(usable):
        return float(np.median(usable))
    # One task and one answer each: the effects may be noise as a whole.
    effects = pd.concat([others["effect"], direct["effect"]]).to_numpy(dtype=float)
    return max(float(np.sqrt((effects**2).mean())) if len(effects) else 0.0, 1.0)


def _errors(column: "pd.Series[float]", typical: float) -> Floats:
    errors = column.to_numpy(dtype=float)
    # An error of 0 is an effect without variation seen, not one that is certain.
    return np.where(np.isfinite(errors) & (errors > 0), errors, typical)


def _posterior(evidence: dict[str, _Evidence], known: _Models) -> dict[str, tuple[float, ...]]:
    """Expected gain, its sd and the chance of help for each variant, over all grid points."""
    weights = np.zeros(len(_GRID))
    means = np.zeros((len(_GRID), len(evidence)))
    variances = np.zeros_like(means)
    for point, spreads in enumerate(_GRID):
        for place, (mean, variance, log_likelihood) in enumerate(
            _conditional(evidence, known, spreads)
        ):
            means[point, place], variances[point, place] = mean, variance
            weights[point] += log_likelihood
    share = np.exp(weights - logsumexp(weights))[:, None]
    mean = (share * means).sum(axis=0)
    spread = np.sqrt((share * (variances + means**2)).sum(axis=0) - mean**2)
    helps = (share * ndtr(means / np.sqrt(variances))).sum(axis=0)
    return {
        name: (float(mean[i]), float(spread[i]), float(helps[i])) for i, name in enumerate(evidence)
    }


def _conditional(
    evidence: dict[str, _Evidence], known: _Models, spreads: tuple[float, float, float, float]
) -> Iterator[tuple[float, float, float]]:
    """Mean and variance of the new model's effect under given spreads, and their likelihood."""
    whole, bucket, slope, model = (value**2 for value in spreads)
    for seen in evidence.values():
        size, z = known.size[seen.place], known.z[seen.place]
        alike = (size[:, None] == size[None, :]) & (size[:, None] != "unknown")
        kernel = whole + bucket * alike + slope * np.outer(z, z)
        kernel = kernel + np.diag(model + seen.se**2)
        same = (size == known.new_size) & (size != "unknown")
        reach = whole + bucket * same + slope * z * known.new_z
        mean, variance, log_likelihood = 0.0, 0.0, 0.0
        prior = whole + bucket + slope * known.new_z**2 + model
        if len(seen.effect):
            root = np.linalg.cholesky(kernel)
            white, pull = np.linalg.solve(root, seen.effect), np.linalg.solve(root, reach)
            mean = float(pull @ white)
            prior -= float(pull @ pull)
            log_likelihood = -0.5 * float(white @ white) - float(np.log(np.diag(root)).sum())
        variance = prior
        for effect, se in seen.own:
            total = variance + se**2
            log_likelihood -= 0.5 * ((effect - mean) ** 2 / total + float(np.log(total)))
            mean, variance = mean + variance / total * (effect - mean), variance * se**2 / total
        yield mean, variance, log_likelihood


def _choice(
    rows: dict[str, tuple[float, ...]],
    evidence: dict[str, _Evidence],
    cautious: float,
    *,
    tested: bool,
) -> Choice:
    fit = [name for name, (gain, _, chance) in rows.items() if gain > 0.0 and chance >= cautious]
    best = max(fit or rows, key=lambda name: (rows[name][0], name))
    expected, sd, chance = rows[best]
    chosen = best if fit else None
    table = pd.DataFrame(
        [
            (
                name,
                *rows[name],
                len(evidence[name].effect),
                bool(evidence[name].own),
                name == chosen,
            )
            for name in sorted(rows, key=lambda name: (-rows[name][0], name))
        ],
        columns=list(COLUMNS),
    )
    figures = f"{expected:+.1f} points, sd {sd:.1f}, helps with chance {chance:.0%}"
    where = "" if tested else "untested on this model; "
    if chosen is None:
        text = f"No preamble: {where}the best, {best}, is expected to gain {figures}"
        text += f" (asked for {cautious:.0%})." if expected > 0.0 else "."
    else:
        text = f"{chosen}: {where}expected gain {figures}."
    if not tested:
        text += " Eight tasks with each variant and without would tell four times as much."
    return Choice(
        variant=chosen,
        expected=expected if chosen else 0.0,
        sd=sd,
        p_positive=chance,
        tested=tested,
        table=table,
        sentence=text,
    )
