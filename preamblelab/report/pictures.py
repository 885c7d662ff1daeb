"""From the tables of a report to its pictures: which rows, in which order, with which words."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from preamblelab.errors import PreamblelabError
from preamblelab.report.findings import Findings
from preamblelab.report.layout import Figure
from preamblelab.report.markup import Markup
from preamblelab.report.svg.arrows import Arrow, arrows
from preamblelab.report.svg.dumbbell import Band, Row, dumbbell
from preamblelab.report.svg.heat import Cell, heat
from preamblelab.report.svg.multiples import Effect, multiples
from preamblelab.report.svg.strips import Strip, strips
from preamblelab.stats.effects import effects
from preamblelab.stats.segments import CUTS, TIERS, segment_effects

if TYPE_CHECKING:
    from pandas import DataFrame

MOST_ROWS: Final = 60
"""Lines of one picture; its table has them all."""
SIZES: Final = ("tiny", "mid", "large", "unknown")
HOW_TO_READ: Final = (
    "Hollow: without; filled: with. Blue: a gain that chance does not explain; orange: a loss; "
    "grey: may be chance."
)
COST_LEGEND: Final = (
    "From hollow, without, to filled, with: up is better, to the left is cheaper. Where there is "
    "no room for a name, the table has it."
)
TIERS_LEGEND: Final = (
    "A tier is judged by answers that do not enter the effect; where there are none, no honest "
    "figure can be had. Coloured: chance does not explain it."
)
ODD: Final = ("looped", "refused", "empty", "truncated", "failed")
"""Outcomes that a picture marks."""


def effects_figure(report: Findings) -> Figure:
    """Scores without and with, and effects on the band of noise, model by model."""
    rows = effect_rows(report)
    floor, visible = report.noise.floor, report.noise.smallest_effect
    band: Band = (floor, visible)
    what = "simulated models" if report.simulated else ""
    said = [HOW_TO_READ]
    if floor is not None and round(floor, 1) > 0:
        said.append(f"Dark band: effects under {floor:.1f} points may be chance in the answers.")
    if visible is not None:
        said.append(
            f"Pale band: the design misses effects under {visible:.1f} points more often than one "
            "time in five."
        )
    if floor is None and visible is None:
        said.append("There is no band: with one answer to one task, chance was not measured.")
    if any(row.verdict.endswith("*") for row in rows):
        said.append("*: smaller than chance in the answers alone may be.")
    if any(not row.delivered for row in rows):
        said.append("Broken line: the preamble did not arrive.")
    if len(rows) > MOST_ROWS:
        said.append(f"{MOST_ROWS} of {len(rows)} lines are drawn; the table has them all.")
    return Figure(
        name="effects",
        title="Scores without and with the preamble, and its effect, by model",
        draw=_drawn(partial(dumbbell, rows[:MOST_ROWS], band=band, what=what)),
        legend=" ".join(said),
    )


def effect_rows(report: Findings) -> list[Row]:
    """The lines of the first picture: all models first, then each with its variants."""
    odd = _odd_outcomes(report.scores)
    sizes = dict(zip(report.scores["model"], report.scores.get("size", ()), strict=False))
    variants = report.effects["variant"].nunique()
    models = report.effects["model"].nunique()
    rows = [
        _row(each, label=_whole(int(each["n_models"]), models), whole=True)
        for each in _records(report.overall)
        if models > 1
    ]
    last = ""
    for each in _records(report.effects):
        model = str(each["model"])
        size = str(sizes.get(model, ""))
        note = str(each["variant"]) if variants > 1 else size
        label = model if model != last else ""
        if label and variants > 1:
            note = f"{size} · {note}" if size not in {"", "unknown"} else note
        last = model
        outcomes = [(False, word) for word in odd.get((model, report.baseline), ()) if label]
        outcomes += [(True, word) for word in odd.get((model, str(each["variant"])), ())]
        rows.append(_row(each, label=label, note=note, outcomes=outcomes))
    return rows


def _row(
    each: Mapping[str, Any],
    *,
    label: str,
    note: str = "",
    outcomes: Sequence[tuple[bool, str]] = (),
    whole: bool = False,
) -> Row:
    early = " *" if each.get("below_floor") else ""
    return Row(
        label=label,
        note=note or str(each["variant"]),
        baseline=each["baseline_mean"],
        variant=each["variant_mean"],
        effect=each["effect"],
        low=each.get("adjusted_low", each["low"]),
        high=each.get("adjusted_high", each["high"]),
        verdict=f"{each['verdict']}{early}",
        delivered=each.get("delivery") != "undelivered",
        outcomes=outcomes,
        whole=whole,
    )


def _whole(counted: int, models: int) -> str:
    return "All models" if counted == models else f"{counted} of {models} models"


def _odd_outcomes(scores: "DataFrame") -> dict[tuple[str, str], list[str]]:
    if "status" not in scores:
        return {}
    odd = scores[scores["status"].isin(ODD)]
    counts = odd.groupby(["model", "variant", "status"], sort=False).size()
    found: dict[tuple[str, str], list[str]] = {}
    rows = counts.reset_index(name="trials").to_dict("records")
    for row in sorted(rows, key=lambda each: ODD.index(str(each["status"]))):
        arm = (str(row["model"]), str(row["variant"]))
        found.setdefault(arm, []).append(f"{row['trials']:,} {row['status']}")
    return found


def tier_figures(report: Findings) -> list[Figure]:
    """One map of tier by size for each variant; none where the table cannot be cut so.

    One model alone makes no map: its line says the same.
    """
    if len(set(report.scores["model"])) < 2:
        return []
    try:
        table = segment_effects(
            report.delivered, by="tier x size", baseline=report.baseline, level=report.level
        )
    except PreamblelabError:
        return []
    sizes = [each for each in SIZES if (table["size"] == each).any()]
    figures: list[Figure] = []
    for number, (variant, rows) in enumerate(table.groupby("variant", sort=False)):
        cells = {
            (str(row["tier"]), str(row["size"])): Cell(
                effect=row["effect"], low=row["low"], high=row["high"], n=int(row["models"]),
                note="" if row["effect"] == row["effect"] else "no honest figure",
            )
            for row in _records(rows)
            if row["models"] > 0
        }  # fmt: skip
        if all(cell.effect != cell.effect for cell in cells.values()):
            continue  # an empty map says less than a sentence
        title = f"Effect of {variant} by baseline tier and size"
        name = f"tiers-{number + 1}"
        draw = partial(heat, cells, rows=TIERS, columns=sizes, title=title, name=name)
        legend = "" if figures else TIERS_LEGEND  # once is enough
        figures.append(
            Figure(name=name, title=title, draw=_drawn(draw, 440), width=440, legend=legend)
        )
    return figures


def dimension_table(report: Findings) -> "DataFrame | None":
    """Effects on each dimension in percent of its points, model by model and over all.

    Columns `dimension, maximum, model, variant, effect, low, high`, in the order of the table of
    effects; None where fewer than two dimensions are known.
    """
    import pandas as pd

    cells = report.details.dimensions
    if cells is None or len(set(cells["dimension"])) < 2:
        return None
    lost = [pair for pair, arrival in report.arrivals.items() if arrival.state == "undelivered"]
    parts = []
    for dimension, rows in cells.groupby("dimension", sort=False):
        scores = rows.assign(score=100 * rows["points"] / rows["maximum"], repetition=1)
        scores = scores.drop(columns=["points", "maximum", "dimension"])
        try:
            found = effects(scores, baseline=report.baseline, level=report.level)
        except PreamblelabError:
            continue
        found = found.assign(dimension=dimension, maximum=rows["maximum"].max())
        arrived = [
            (model, variant) not in lost
            for model, variant in zip(found["model"], found["variant"], strict=True)
        ]
        parts.append(found[arrived])
    if not parts:
        return None
    columns = ["dimension", "maximum", "model", "variant", "effect", "low", "high"]
    order = {
        pair: place
        for place, pair in enumerate(
            zip(report.effects["model"], report.effects["variant"], strict=True)
        )
    }
    table = pd.concat(parts, ignore_index=True)[columns]
    places = [order.get(pair, 0) for pair in zip(table["model"], table["variant"], strict=True)]
    dimensions = table["dimension"].map(
        {name: place for place, name in enumerate(dict.fromkeys(table["dimension"]))}
    )
    return table.assign(_place=places, _dimension=dimensions).sort_values(
        ["_dimension", "_place"], kind="stable", ignore_index=True
    )[columns]


def dimension_figure(table: "DataFrame") -> Figure:
    """The effect on each dimension, panel beside panel, on one scale."""
    several = len(set(table["variant"])) > 1
    keys = list(dict.fromkeys(zip(table["model"], table["variant"], strict=True)))[:MOST_ROWS]
    known = {
        (row["dimension"], row["model"], row["variant"]): Effect(
            effect=row["effect"], low=row["low"], high=row["high"]
        )
        for row in _records(table)
    }
    nothing = Effect(effect=float("nan"), low=float("nan"), high=float("nan"))
    maxima = dict(zip(table["dimension"], table["maximum"], strict=True))
    panels = {
        str(name).replace("_", " "): [known.get((name, *key), nothing) for key in keys]
        for name in maxima
    }
    notes = {str(name).replace("_", " "): f"{most:g} points" for name, most in maxima.items()}
    rows = [f"{model} · {variant}" if several else str(model) for model, variant in keys]
    title = "Effect on each dimension of the rubric"
    draw = partial(
        multiples, panels, rows, unit="percent of the dimension's points", title=title,
        notes=notes, name="dimensions",
    )  # fmt: skip
    return Figure(
        name="dimensions",
        title=title,
        draw=_drawn(draw),
        legend="Under each name: the points that it can earn of 100.",
    )


def strips_figure(report: Findings) -> Figure | None:
    """What every repetition scored, where there are several."""
    scores = report.scores
    if scores["repetition"].nunique() < 2:
        return None
    means = scores.pivot_table("score", ["model", "variant"], "repetition", dropna=False)
    rows = []
    last = ""
    for model, variant in dict.fromkeys(zip(scores["model"], scores["variant"], strict=True)):
        values = [float(each) for each in means.loc[(model, variant)]]
        known = [each for each in values if each == each]
        tiers = {_tier(each) for each in known}
        note = f"range {max(known) - min(known):.1f}" if known else ""
        rows.append(
            Strip(
                label=str(model), arm=str(variant), scores=values,
                baseline=variant == report.baseline,
                note=note + (f", {' and '.join(t for t in TIERS if t in tiers)}" if known else ""),
            )
        )  # fmt: skip
    order = {name: place for place, name in enumerate((*report.models, *scores["model"]))}
    arms = {name: place for place, name in enumerate((report.baseline, *report.variants))}
    rows.sort(key=lambda row: (order.get(row.label, 0), arms.get(row.arm, 99)))
    shown = []
    for row in rows[:MOST_ROWS]:
        label = "" if row.label == last else row.label
        shown.append(
            Strip(label=label, arm=row.arm, scores=row.scores, baseline=row.baseline, note=row.note)
        )
        last = row.label
    more = f" {MOST_ROWS} of {len(rows)} lines are drawn." if len(rows) > MOST_ROWS else ""
    return Figure(
        name="repetitions",
        title="Mean score of each repetition, by model and variant",
        draw=lambda width: strips(shown, cuts=CUTS, name="repetitions", width=width),
        legend="One dot a repetition; where dots lie in two tiers, one run alone would have put "
        f"the model into either.{more}",
    )


def _tier(score: float) -> str:
    return "low" if score < CUTS[0] else "high" if score > CUTS[1] else "mid"


def cost_table(report: Findings) -> "DataFrame | None":
    """Score, seconds, tokens and dollars an answer for each model and variant; None if unknown.

    Columns `model, variant, score, seconds, tokens, usd`, means over all answers that have them.
    """
    scores = report.scores
    names = {"seconds": "seconds", "completion_tokens": "tokens", "usd": "usd"}
    if not any(name in scores and scores[name].notna().any() for name in names):
        return None
    there = [name for name in names if name in scores]
    typed = scores.assign(**{name: scores[name].astype("float64") for name in there})
    means = typed.groupby(["model", "variant"], sort=False)[["score", *there]].mean()
    return means.rename(columns=names).reset_index()


def cost_figures(report: Findings, table: "DataFrame") -> list[Figure]:
    """Quality against time and against money, where they are known and not all nothing."""
    figures: list[Figure] = []
    for column, unit in (("seconds", "seconds an answer"), ("usd", "dollars an answer")):
        if column not in table:
            continue
        rows = _arrows(table, column, report.baseline)
        if len(rows) < 1:
            continue
        title = f"Score against {unit}"
        draw = partial(arrows, rows[:MOST_ROWS], unit=unit, title=title, name=f"cost-{column}")
        figures.append(
            Figure(
                name=f"cost-{column}",
                title=title,
                draw=_drawn(draw, 460),
                width=460,
                legend="" if figures else COST_LEGEND,
            )
        )
    return figures


def _arrows(table: "DataFrame", column: str, baseline: str) -> list[Arrow]:
    known = table[(table[column] > 0) & table["score"].notna()]
    without = {row["model"]: row for row in _records(known[known["variant"] == baseline])}
    several = table["variant"].nunique() > 2
    return [
        Arrow(
            label=f"{row['model']} · {row['variant']}" if several else str(row["model"]),
            cost=(without[row["model"]][column], row[column]),
            score=(without[row["model"]]["score"], row["score"]),
        )
        for row in _records(known[known["variant"] != baseline])
        if row["model"] in without
    ]


def _drawn(draw: Callable[..., Markup], widest: int = 920) -> Callable[[int], Markup]:
    """A picture as a function of its width alone, at most so wide."""
    return lambda width: draw(width=min(width, widest))


def _records(table: "DataFrame") -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]
