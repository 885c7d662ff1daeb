"""Score tables with a known truth: for tests, for docs, for asking what a design can show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr

from preamblelab.errors import SpecError
from preamblelab.stats.codes import Floats
from preamblelab.stats.segments import TIERS, baseline_tier

Effect = float | Mapping[str, float] | Mapping[str, Mapping[str, float]]

_SIZES = ("tiny", "mid", "large")


# One argument for each thing a simulated world may have: naming them is the point of the function.
def simulate_scores(
    *,
    models: int | Mapping[str, float] = 6,
    tasks: int = 20,
    repetitions: int = 3,
    variants: Sequence[str] = ("preamble",),
    effect: Effect = 0.0,
    task_sd: float = 12.0,
    model_task_sd: float = 6.0,
    variant_task_sd: float = 4.0,
    repetition_sd: float = 8.0,
    judges: int | Mapping[str, float] = 1,
    judge_sd: float = 0.0,
    dimensions: int | Mapping[str, float] = 1,
    missing: float | Mapping[str, float] = 0.0,
    copied: float = 0.0,
    floor: float | None = 0.0,
    ceiling: float | None = 100.0,
    sizes: Mapping[str, str] | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Draw a long score table whose true effects are known.

    score = model mean + effect + task + model x task + model x task x variant + repetition
    (each drawn once per trial) + judge's leniency + judge's error, kept within floor and ceiling.

    Args:
        models: Number of models (true means spread from 15 to 95 points), or name to true mean.
        tasks: Number of tasks.
        repetitions: Answers per cell.
        variants: Labels of the arms beside ``baseline``.
        effect: Points that a variant adds before floor and ceiling: one number; by tier of the
            true baseline ``{"low": 30, "mid": 5, "high": -2}``; by model; by variant; or by
            variant and then by tier or model. What a mapping does not name has no effect.
        task_sd: Spread of task difficulty, points.
        model_task_sd: Spread of a model's strengths over tasks, points.
        variant_task_sd: Spread of the effect over tasks, points.
        repetition_sd: Spread between repetitions of one cell, points.
        judges: Number of judges (no leniency), or judge to leniency in points.
        judge_sd: Error of one judge on one answer and dimension, points of the 100.
        dimensions: Number of dimensions with equal maxima, or dimension to its maximum; the
            maxima add up to 100, and a row's score is in points of its dimension.
        missing: Share of rows without a score, or arm to share.
        copied: Share of repetitions that copy the first answer of their cell byte for byte.
        floor: Lowest score; None for no floor.
        ceiling: Highest score; None for no ceiling.
        sizes: Model to size; default goes round tiny, mid, large.
        seed: Seed of the draw.

    Returns:
        Rows `model, size, variant, task, repetition, [judge], [dimension], score, output_hash,
        simulated`. ``attrs["truth"]`` holds `effects` (variant to model to expected effect, after
        floor and ceiling), `baselines` (model to expected score), `nominal` (the same before floor
        and ceiling), `tiers`, and the spreads.

    Examples:
        >>> df = simulate_scores(models={"a": 30.0, "b": 70.0}, effect={"low": 12.0}, seed=1,
        ...                      floor=None, ceiling=None)
        >>> df.attrs["truth"]["effects"]["preamble"]
        {'a': 12.0, 'b': 0.0}

    Raises:
        SpecError: A count is below 1, a share is outside 0 to 1, or an effect names nothing.
    """
    names = _model_means(models)
    marks = _named(judges, "judge-", 0.0)
    maxima = _named(dimensions, "dimension-", 100.0 / max(_count(dimensions), 1))
    _check(names, tasks, repetitions, variants, marks, maxima)
    arms = ("baseline", *variants)
    nominal = {arm: _by_model(effect, arm, variants, names) for arm in arms}
    random = np.random.default_rng(seed)
    shape = (len(names), len(arms), tasks, repetitions)
    mean = np.array([[names[m] + nominal[a][m] for a in arms] for m in names])
    quality, copy = _answers(
        random, shape, mean, (task_sd, model_task_sd, variant_task_sd, repetition_sd), copied
    )
    offset = np.array(list(marks.values()))
    maximum = np.array(list(maxima.values()))
    full = (*shape, len(marks), len(maxima))
    score = quality[..., None, None] + offset[:, None] + random.normal(0.0, judge_sd, full)
    score = np.clip(score, floor, ceiling) * (maximum / 100.0)
    score[random.random(full) < _missing_shares(missing, arms)] = np.nan
    bounds = _Bounds(floor=floor, ceiling=ceiling, offsets=offset)
    spread = task_sd**2 + model_task_sd**2 + repetition_sd**2 + judge_sd**2
    table = _table(names, arms, full, list(marks), list(maxima), sizes)
    table["score"] = score.ravel()
    table["output_hash"] = _hashes(shape, copy, score.size)
    table["simulated"] = True
    table.attrs["truth"] = {
        **_truth(names, nominal, spread, variant_task_sd**2, bounds),
        "task_sd": task_sd,
        "model_task_sd": model_task_sd,
        "variant_task_sd": variant_task_sd,
        "repetition_sd": repetition_sd,
        "judge_sd": judge_sd,
        "judges": dict(marks),
        "seed": seed,
    }
    return table


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bounds:
    """The scale of the scores and how far each judge shifts on it."""

    floor: float | None
    ceiling: float | None
    offsets: Floats


def _count(given: int | Mapping[str, float]) -> int:
    return given if isinstance(given, int) else len(given)


def _named(given: int | Mapping[str, float], stem: str, value: float) -> dict[str, float]:
    if isinstance(given, Mapping):
        return {str(name): float(number) for name, number in given.items()}
    return {f"{stem}{number}": value for number in range(1, given + 1)}


def _model_means(models: int | Mapping[str, float]) -> dict[str, float]:
    if isinstance(models, Mapping):
        return {str(name): float(mean) for name, mean in models.items()}
    width = len(str(max(models, 1)))
    means = np.linspace(15.0, 95.0, models) if models > 1 else np.full(max(models, 0), 55.0)
    return {f"model-{number + 1:0{width}d}": float(mean) for number, mean in enumerate(means)}


def _check(
    names: Mapping[str, float],
    tasks: int,
    repetitions: int,
    variants: Sequence[str],
    marks: Mapping[str, float],
    maxima: Mapping[str, float],
) -> None:
    counts = {
        "models": len(names),
        "tasks": tasks,
        "repetitions": repetitions,
        "variants": len(variants),
        "judges": len(marks),
        "dimensions": len(maxima),
    }
    for name, count in counts.items():
        if count < 1:
            raise SpecError(f"simulate_scores: {name} is {count}; give at least 1")
    if "baseline" in variants or len(set(variants)) != len(variants):
        raise SpecError(
            f"simulate_scores: variants {list(variants)}: each label once, and 'baseline' is "
            "always there; leave it out"
        )
    if abs(sum(maxima.values()) - 100.0) > 1e-6:
        raise SpecError(
            f"simulate_scores: the maxima of the dimensions add up to {sum(maxima.values()):g}; "
            "make them add up to 100"
        )


def _by_model(
    effect: Effect, arm: str, variants: Sequence[str], names: Mapping[str, float]
) -> dict[str, float]:
    """Points added to each model under one arm, whatever shape the effect was given in."""
    if arm == "baseline":
        return dict.fromkeys(names, 0.0)
    if isinstance(effect, Mapping):
        keys = set(effect)
        if keys <= set(variants):
            return _of_models(effect.get(arm, 0.0), names)
        return _of_models(effect, names)
    return dict.fromkeys(names, float(effect))


def _of_models(
    effect: float | Mapping[str, float] | Mapping[str, Mapping[str, float]],
    names: Mapping[str, float],
) -> dict[str, float]:
    if not isinstance(effect, Mapping):
        return dict.fromkeys(names, float(effect))
    values = {key: value for key, value in effect.items() if not isinstance(value, Mapping)}
    if set(effect) <= set(TIERS) and len(values) == len(effect):
        return {m: float(values.get(baseline_tier(mean), 0.0)) for m, mean in names.items()}
    if set(effect) <= set(names) and len(values) == len(effect):
        return {m: float(values.get(m, 0.0)) for m in names}
    raise SpecError(
        f"simulate_scores: effect names {sorted(effect)}; use tiers {list(TIERS)}, names of "
        "models, or labels of variants, not a mixture"
    )


def _answers(
    random: np.random.Generator,
    shape: tuple[int, int, int, int],
    mean: Floats,
    sds: tuple[float, float, float, float],
    copied: float,
) -> tuple[Floats, NDArray[np.bool_]]:
    """Quality of every answer before judges, and which answers copy the first of their cell."""
    models, arms, tasks, _ = shape
    task_sd, model_task_sd, variant_task_sd, repetition_sd = sds
    # The effect's spread over tasks belongs to the variants alone: the baseline is the reference.
    own = random.normal(0.0, variant_task_sd, (models, arms, tasks))
    own[:, 0] = 0.0
    cell = mean[:, :, None] + random.normal(0.0, task_sd, tasks)
    cell = cell + random.normal(0.0, model_task_sd, (models, 1, tasks)) + own
    quality = cell[..., None] + random.normal(0.0, repetition_sd, shape)
    copy = random.random(shape) < copied
    copy[..., 0] = False
    return np.where(copy, quality[..., :1], quality), copy


def _missing_shares(missing: float | Mapping[str, float], arms: Sequence[str]) -> Floats:
    shares = [missing.get(a, 0.0) if isinstance(missing, Mapping) else missing for a in arms]
    if any(not 0.0 <= share <= 1.0 for share in shares):
        raise SpecError(f"simulate_scores: missing is {missing}; give a share from 0 to 1")
    return np.array(shares, dtype=float)[None, :, None, None, None, None]


def _table(
    names: Mapping[str, float],
    arms: Sequence[str],
    full: tuple[int, ...],
    judges: Sequence[str],
    dimensions: Sequence[str],
    sizes: Mapping[str, str] | None,
) -> pd.DataFrame:
    codes = [code.ravel() for code in np.indices(full, dtype=np.int32, sparse=False)]
    given = sizes or {name: _SIZES[i % 3] for i, name in enumerate(names)}
    width = len(str(full[2]))
    columns: dict[str, object] = {
        "model": pd.Index(list(names)).take(codes[0]),
        "size": pd.Index([given.get(name, "unknown") for name in names]).take(codes[0]),
        "variant": pd.Index(list(arms)).take(codes[1]),
        "task": pd.Index([f"task-{t + 1:0{width}d}" for t in range(full[2])]).take(codes[2]),
        "repetition": codes[3].astype(np.int64) + 1,
    }
    if len(judges) > 1:
        columns["judge"] = pd.Index(list(judges)).take(codes[4])
    if len(dimensions) > 1:
        columns["dimension"] = pd.Index(list(dimensions)).take(codes[5])
    return pd.DataFrame(columns)


def _hashes(shape: tuple[int, ...], copy: NDArray[np.bool_], rows: int) -> "pd.Index[str]":
    """A name for each answer's text, equal where one repetition copies another."""
    trial = np.arange(copy.size).reshape(shape)
    trial = np.where(copy, trial[..., :1], trial).ravel()
    text = pd.Index([sha256(str(number).encode()).hexdigest()[:12] for number in range(copy.size)])
    return text.take(np.repeat(trial, rows // copy.size))


def _truth(
    names: Mapping[str, float],
    nominal: Mapping[str, Mapping[str, float]],
    variance: float,
    variant_variance: float,
    bounds: _Bounds,
) -> dict[str, object]:
    """Expected scores and effects, in closed form even where floor or ceiling cut the scores."""
    baselines = {m: _expected(mean, variance, bounds) for m, mean in names.items()}
    effects = {
        arm: {
            m: _expected(names[m] + points[m], variance + variant_variance, bounds) - baselines[m]
            for m in names
        }
        for arm, points in nominal.items()
        if arm != "baseline"
    }
    return {
        "effects": effects,
        "baselines": baselines,
        "nominal": {arm: dict(points) for arm, points in nominal.items() if arm != "baseline"},
        "tiers": {m: baseline_tier(mean) for m, mean in names.items()},
    }


def _expected(mean: float, variance: float, bounds: _Bounds) -> float:
    """Mean of a normal score held between floor and ceiling, averaged over the judges."""
    sd = float(np.sqrt(variance))
    centre = mean + bounds.offsets
    low = -np.inf if bounds.floor is None else bounds.floor
    high = np.inf if bounds.ceiling is None else bounds.ceiling
    if sd == 0.0:
        return float(np.mean(np.clip(centre, low, high)))
    a, b = (low - centre) / sd, (high - centre) / sd
    inside = ndtr(b) - ndtr(a)
    value = centre * inside + sd * (_density(a) - _density(b))
    value = value + np.where(np.isinf(a), 0.0, ndtr(a)) * (0.0 if bounds.floor is None else low)
    value = value + np.where(np.isinf(b), 0.0, ndtr(-b)) * (0.0 if bounds.ceiling is None else high)
    return float(np.mean(value))


def _density(z: Floats) -> Floats:
    return np.asarray(np.exp(-0.5 * z * z) / np.sqrt(2.0 * np.pi), dtype=float)
