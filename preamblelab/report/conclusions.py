"""What the statistics say beyond single effects: noise, segments, clauses, tiers, judges."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from preamblelab.errors import PreamblelabError
from preamblelab.report.contradictions import calibration, contradictions
from preamblelab.report.executed_evidence import executed_arms
from preamblelab.report.findings import Findings
from preamblelab.report.layout import Grid, Section
from preamblelab.stats.agreement import judge_agreement
from preamblelab.stats.factors import factor_effects
from preamblelab.stats.noise import components
from preamblelab.stats.segments import segment_effects
from preamblelab.stats.sentences import LIKE_THESE, MODELS_LIKE_THESE, counted, points
from preamblelab.stats.tiers import rank_tiers, tiers_by_repetition

if TYPE_CHECKING:
    from pandas import DataFrame

MOST_ROWS: Final = 40
"""Rows of one table in a report; the function behind it gives them all."""


def noise_lines(findings: Findings) -> list[str]:
    """The noise floor for the head of a report."""
    return [findings.noise.sentence]


IN_WORDS: Final[Mapping[str, str | Mapping[str, str]]] = {
    "few_clusters": {LIKE_THESE: "few tasks", MODELS_LIKE_THESE: "few models"},
    "too_few_clusters": {LIKE_THESE: "too few tasks", MODELS_LIKE_THESE: "too few models"},
    "thin_tier": "too few tasks carry it",
    "unstable_membership": "rarely in this tier",
    "zero_variance": "no variation seen",
}
"""Flags of a segment for a reader; where they differ, by what was sampled."""


def segments_section(findings: Findings) -> Section:
    """Effects by baseline tier and by size, with the naive figure and what it owes to chance.

    A segment of one model is left out: its row in the table of effects says more.
    """
    scores = findings.delivered
    sizes = set(scores["size"].dropna()) if "size" in scores else set()
    kinds = ["tier", *(["size", "tier x size"] if len(sizes) > 1 else [])]
    rows: list[tuple[str, ...]] = []
    notes: list[str] = []
    near = False
    for kind in kinds:
        table = segment_effects(
            findings.delivered,
            by=kind,  # type: ignore[arg-type]
            baseline=findings.baseline,
            level=findings.level,
        )
        for row in table.to_dict("records"):
            if row["flags"] == "empty" or row["models"] == 1:
                continue
            if row["effect"] != row["effect"]:
                if kind != "tier x size":  # it would only say the same of smaller groups
                    notes.append(str(row["sentence"]))
                continue
            near = near or row["borderline"] > 0
            rows.append(_segment_row({str(name): value for name, value in row.items()}))
    if near:
        notes.append(
            "near a bound: models that count in two tiers, each by the share of the other answers "
            "that put them there."
        )
    grid = Grid(
        columns=(
            *("segment", "variant", "models", "effect", "95 % interval"),
            *("naive", "of it chance", "note"),
        ),
        rows=tuple(rows[:MOST_ROWS]),
        right=frozenset({"models", "effect", "naive", "of it chance"}),
    )
    line = (
        "A model's tier (low < 50, mid 50 to 90, high > 90) is judged by baseline answers that do "
        "not enter its effect; the naive figure judges it by the same answers, and owes 'of it "
        "chance' to that. Segments of one model are left out."
    )
    return Section(
        title="By baseline tier and size",
        lines=(line,) if rows else (),
        grid=grid if rows else None,
        notes=tuple(dict.fromkeys(notes)),
    )


def _segment_row(row: Mapping[str, Any]) -> tuple[str, ...]:
    named = [f"{name} {row[name]}" for name in ("tier", "size") if _named(row[name])]
    said = [_in_words(flag, str(row["scope"])) for flag in str(row["flags"]).split(";") if flag]
    if row["borderline"] > 0:
        said.append(f"{row['borderline']:.0f} near a bound")
    return (
        ", ".join(named),
        str(row["variant"]),
        str(row["models"]),
        _signed(row["effect"]),
        _span(row["low"], row["high"]),
        _signed(row["naive_effect"]),
        _signed(row["coupling"]),
        ", ".join(said),
    )


def _in_words(flag: str, scope: str) -> str:
    words = IN_WORDS.get(flag, flag.replace("_", " "))
    return words if isinstance(words, str) else words.get(scope, flag.replace("_", " "))


def clauses_section(findings: Findings) -> Section:
    """Main effect of every clause that stands against the same variant without it."""
    labels = [str(label) for label in findings.delivered["variant"].unique()]
    clauses = dict.fromkeys(part for label in labels for part in label.split("+")[1:])
    lines = []
    for clause in clauses:
        if not any(
            label.replace(f"+{clause}", "") in labels for label in labels if clause in label
        ):
            continue
        table = factor_effects(
            findings.delivered, clause, baseline=findings.baseline, level=findings.level
        )
        chosen = table[(table["group"] == "all") | table["differs"].fillna(value=False)]
        lines += [f"{clause}: {sentence}" for sentence in chosen["sentence"]]
    return Section(title="Clauses", lines=tuple(lines))


def tiers_section(findings: Findings) -> Section:
    """Models sorted into tiers under the baseline, as far as the shared tasks can tell."""
    if findings.scores["model"].nunique() < 2:
        return Section()
    arms = [findings.baseline]
    if findings.scores["task"].nunique() < 2:
        return Section(title="Models", lines=("One task tells no two models apart.",))
    table = rank_tiers(findings.scores, variants=arms, level=findings.level)
    moves = tiers_by_repetition(findings.scores, variants=arms, level=findings.level)
    moved = {row["unit"]: row for row in moves.to_dict("records")}
    rows = []
    for row in table.to_dict("records")[:MOST_ROWS]:
        move = moved.get(row["unit"], {})
        several = move.get("repetitions", 0) > 1  # one figure shows no range
        rows.append(
            (
                "-" if row["tier"] != row["tier"] or row["tier"] is None else str(int(row["tier"])),
                str(row["unit"]),
                _plain(row["mean"]),
                _span(row["low"], row["high"], signed=False),
                f"{row['rank_low']:.0f} to {row['rank_high']:.0f}",
                str(move.get("status", "")).replace("tier", "group"),
                _plain(move["range"] if several else float("nan")),
            )
        )
    columns = ("group", "model", "mean", "95 % interval", "rank", "over repetitions", "range")
    grid = Grid(columns=columns, rows=tuple(rows), right=frozenset({"mean", "range"}))
    line = "Models in one group are not told apart by these tasks, which is not to say equal."
    return Section(title=f"Models under {findings.baseline}", lines=(line,), grid=grid)


def judges_section(findings: Findings) -> Section:
    """How far judges agree, where there are at least two."""
    if findings.judged is None or not findings.judged.shared:
        return Section()
    marks = findings.marks
    if marks is None or marks["judge"].nunique() < 2:
        return Section()
    table = judge_agreement(marks, level=findings.level)
    shared = table[table["flags"] != "no_shared_answers"]
    return Section(title="Judges", lines=tuple(str(each) for each in shared["sentence"]))


def again_section(findings: Findings) -> Section:
    """What other experiments asked alike: other answers, and one answer marked twice."""
    if findings.again is None:
        return Section()
    table, judge = findings.again
    own = table[(table["first"] == findings.experiment) | (table["second"] == findings.experiment)]
    lines = [str(each) for each in own.loc[~own["same_text"], "sentence"]]
    if judge is not None:
        moved = ", ".join(points(each, 0) for each in table.loc[table["same_text"], "difference"])
        pairs = counted(int(table["same_text"].sum()), "answer")
        lines.append(
            f"{pairs} came again byte for byte over all these experiments, and the points moved by "
            f"{moved}: SD {judge.sd:.1f} ({judge.low:.1f} to {judge.high:.1f}). That is the judge "
            "alone; such a pair is one answer, not two."
        )
    return Section(title="Asked again in other experiments", lines=tuple(lines))


def documents(findings: Findings) -> dict[str, "DataFrame | str"]:
    """The tables behind these sections by name, or the reason why one cannot be had."""
    scores, baseline, level = findings.delivered, findings.baseline, findings.level
    makers: dict[str, Callable[[], DataFrame]] = {
        "segments": lambda: segment_effects(scores, baseline=baseline, level=level),
        "segments_by_size": lambda: segment_effects(
            scores, by="tier x size", baseline=baseline, level=level
        ),
        "tiers": lambda: rank_tiers(findings.scores, variants=[baseline], level=level),
        "components": lambda: components(
            findings.scores if findings.marks is None else findings.marks
        ),
    }
    if findings.marks is not None and len(set(findings.marks["judge"])) > 1:
        marks = findings.marks
        makers["judges"] = lambda: judge_agreement(marks, level=level)
    if findings.again is not None:
        again = findings.again
        makers["asked_again"] = lambda: again.table
    if findings.executed is not None:
        executed = findings.executed
        makers["executed"] = lambda: executed
        makers["executed_arms"] = lambda: executed_arms(findings)
        makers["contradictions"] = lambda: contradictions(findings)
        makers["calibration"] = lambda: calibration(findings)
    made: dict[str, DataFrame | str] = {}
    for name, make in makers.items():
        try:
            made[name] = make()
        except PreamblelabError as error:
            made[name] = str(error)
    return made


def told(section: Callable[[Findings], Section], findings: Findings, title: str) -> Section:
    """A section, or the reason why the table at hand does not allow it."""
    try:
        return section(findings)
    except PreamblelabError as error:
        return Section(title=title, lines=(str(error),))


def _named(value: object) -> bool:
    return isinstance(value, str) and value not in {"", "all"}


def _signed(value: float) -> str:
    return "-" if value != value else points(value)


def _plain(value: float) -> str:
    return "-" if value != value else f"{value:.1f}"


def _span(low: float, high: float, *, signed: bool = True) -> str:
    if low != low or high != high:
        return "none can be had"
    return f"{points(low)} to {points(high)}" if signed else f"{low:.1f} to {high:.1f}"
