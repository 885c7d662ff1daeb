"""Baseline tiers in a policy: only where the tier is read from other answers than the effect."""

from collections.abc import Mapping
from typing import Any, Final

import pandas as pd

from preamblelab.decision.panel import Panel
from preamblelab.decision.slots import Terms
from preamblelab.domain.policies import Entry, Evidence, PolicyText
from preamblelab.domain.preambles import BASELINE
from preamblelab.domain.sizes import Size
from preamblelab.stats.segments import TIERS, model_tiers, segment_effects
from preamblelab.stats.sentences import counted

_WEAK: Final = frozenset(
    {
        "empty", "few_clusters", "needs_independent_baseline", "thin_tier", "too_few_clusters",
        "unstable_membership", "zero_variance",
    }
)  # fmt: skip
"""Flags of a segment from which nothing is concluded."""


def tier_entries(
    scores: pd.DataFrame,
    panel: Panel,
    texts: Mapping[str, PolicyText],
    chosen: str | None,
    terms: Terms,
    size: Size,
) -> list[Entry]:
    """Entries for tiers of one size class that differ from what the class gets.

    A tier read from the same answers as the effect finds gains for the weakest where there are
    none (regression to the mean); `segment_effects` reads it from other repetitions or other
    tasks, and says where it cannot. All tiers and candidates are tested together (Bonferroni).

    Args:
        scores: trials of the models of this size class.
        panel: the same as arrays.
        texts: candidates by label.
        chosen: label that the whole class gets; None: none.
        terms: rules and dates.
        size: the class.
    """
    rules = terms.rules
    labels = [chosen] if chosen is not None else list(texts)
    level = 1.0 - 2.0 * rules.alpha / (len(TIERS) * len(labels))
    found: dict[str, tuple[float, Entry]] = {}
    for label in labels:
        reached = panel.delivered(label, BASELINE)
        part = scores[
            scores["model"].astype(str).isin(reached)
            & scores["variant"].astype(str).isin([label, BASELINE])
        ]
        if len(reached) < rules.least_models:
            continue
        tiers = _members(part)
        for row in segment_effects(part, by="tier", level=level).to_dict("records"):
            tier, members = str(row["tier"]), tiers.get(str(row["tier"]), [])
            own = panel.of(models=members)
            diverse = len(members) >= rules.least_models and (
                len(own.known_families) >= rules.least_families
            )
            if not diverse or set(str(row["flags"]).split(";")) & _WEAK:
                continue
            if chosen is not None and row["high"] < 0:
                words = f"hurts in this tier: {_words(row)}"
                entry = terms.exception(texts[label].id, words, size=size, tier=tier)
                found[tier] = (float(row["effect"]), entry)
            elif chosen is None and row["low"] > rules.margin:
                if tier in found and found[tier][0] >= row["low"]:
                    continue
                words = f"gain shown in this tier alone: {_words(row)}"
                evidence = _evidence(row, own, level)
                entry = terms.entry(
                    "promote", texts[label].id, words, size=size, tier=tier, evidence=evidence
                )
                found[tier] = (float(row["low"]), entry)
    return [entry for _, entry in found.values()]


def _members(scores: pd.DataFrame) -> dict[str, list[str]]:
    """Models by the tier of their own baseline; for counting families, not for effects."""
    table = model_tiers(scores)
    tiers: dict[str, list[str]] = {}
    for model, tier in zip(table["model"], table["tier"], strict=True):
        tiers.setdefault(str(tier), []).append(str(model))
    return tiers


def _words(row: Mapping[Any, Any]) -> str:
    return (
        f"{row['effect']:+.1f} points ({row['low']:+.1f} to {row['high']:+.1f}), "
        f"{counted(int(row['models']), 'model')}, tier read from other answers ({row['method']})"
    )


def _evidence(row: Mapping[Any, Any], own: Panel, level: float) -> Evidence:
    return Evidence(
        effect=round(float(row["effect"]), 3),
        low=round(float(row["low"]), 3),
        high=round(float(row["high"]), 3),
        level=round(level, 6),
        tasks=len(own.tasks),
        repetitions=max(own.repetitions, 1),
        models=len(own.models),
        families=len(own.known_families),
        tested=own.models,
        categories=tuple(sorted(map(str, set(own.category)))),
    )
