"""What the data cannot say, in words: the weightiest first."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from preamblelab.report.executed_evidence import executed_arms
from preamblelab.report.findings import Findings
from preamblelab.report.layout import Section, counted
from preamblelab.stats.sentences import points

if TYPE_CHECKING:
    from pandas import DataFrame

TITLE: Final = "What these data cannot say"
_MOST_NAMES: Final = 4
_FAULTS: Final = " (a mutant is the code with one fault that tests should notice)"


def limits(report: Findings) -> list[str]:
    """Why the figures carry no more than the verdict claims; one sentence or two each."""
    return [
        *_design(report),
        *_ran(report),
        *_delivery(report),
        *_again(report),
        *_spread(report),
        *_worth(report),
    ]


def limits_section(report: Findings) -> Section:
    """The same as a section."""
    return Section(title=TITLE, lines=tuple(limits(report)))


def _design(report: Findings) -> Iterator[str]:
    scores = report.scores
    if report.simulated:
        yield (
            "All answers are simulated: they show what this program finds and what it misses, and "
            "nothing about real models."
            if bool(scores["simulated"].fillna(value=False).all())
            else "Some models are simulated: what is said over all models is no fact about any."
        )
    if len(set(scores["task"])) == 1:
        once = " and was asked once under each text" if report.noise.n_repeats == 0 else ""
        yield (
            f"Every answer is to one task{once}: nothing here speaks of other tasks, and no model "
            "has an effect of its own that can be told from chance."
        )
    elif report.noise.n_repeats == 0:
        yield "No trial was repeated: how far chance alone moves a score was not seen."


def _delivery(report: Findings) -> Iterator[str]:
    lost = report.effects[report.effects["delivery"] == "undelivered"]
    if lost.empty:
        return
    named = ", ".join(
        f"{row['model']} ({points(row['difference'], 0)})" if row["difference"] == row["difference"]
        else str(row["model"])
        for row in lost.head(_MOST_NAMES).to_dict("records")
    )  # fmt: skip
    more = f" and {len(lost) - _MOST_NAMES} more" if len(lost) > _MOST_NAMES else ""
    text = f"The preamble most likely never reached {named}{more}: no effect of it is counted."
    both = report.recorded.merge(report.overall, on="variant", suffixes=("_all", ""))
    for row in both.to_dict("records"):
        text += (
            f" Counted all the same, {row['variant']} would show {points(row['effect_all'])} "
            f"instead of {points(row['effect'])} points."
        )
    yield text


def _spread(report: Findings) -> Iterator[str]:
    """Where models go opposite ways, their mean is true of none of them."""
    for variant, rows in report.effects.groupby("variant", sort=False):
        known = rows[rows["effect"].notna()]
        if len(known) < 2:
            continue
        low, *_, high = known.sort_values("effect").to_dict("records")
        if low["effect"] <= -report.margin and high["effect"] >= report.margin:
            yield (
                f"Models go opposite ways: under {variant} they moved from "
                f"{points(low['effect'])} ({low['model']}) to {points(high['effect'])} "
                f"({high['model']}); a mean over them describes none of them."
            )
    open_ = int((report.effects["verdict"] == "undecided").sum())
    if open_:
        yield (
            f"{counted(open_, 'pair')} of model and variant {'is' if open_ == 1 else 'are'} "
            "undecided: that is no proof that nothing changed."
        )
    low_floor = int(report.effects["below_floor"].sum())
    floor = report.noise.floor
    if low_floor and floor is not None:
        yield (
            f"{counted(low_floor, 'effect')} of {len(report.effects)} "
            f"{'is' if low_floor == 1 else 'are'} smaller than {floor:.1f} points, which chance in "
            "the answers alone may give."
        )


def _again(report: Findings) -> Iterator[str]:
    if report.again is None:
        return
    table, judge = report.again
    own = table[
        ((table["first"] == report.experiment) | (table["second"] == report.experiment))
        & ~table["same_text"]
    ]
    if not own.empty:
        row = max(own.to_dict("records"), key=lambda each: abs(each["difference"]))
        yield (
            f"Asked once more, {row['model']} under {row['variant']} scored "
            f"{row['second_score']:.0f} instead of {row['first_score']:.0f}: chance alone moves a "
            "single answer that far."
        )
    if judge is not None:
        yield (
            f"The judge gives one and the same text other points when it is asked again: SD "
            f"{judge.sd:.1f} points."
        )


def _ran(report: Findings) -> Iterator[str]:
    """What the answers of each variant did when they were run, beside their points."""
    if report.executed is None or report.executed.empty:
        return
    arms = executed_arms(report)
    base = arms[arms["variant"] == report.baseline]
    for variant, own in arms[arms["variant"] != report.baseline].groupby("variant", sort=False):
        models = set(own["model"]) & set(base["model"])
        one, two = (each[each["model"].isin(models)] for each in (base, own))
        gain = two["judged"].mean() - one["judged"].mean()
        if models and gain == gain:
            faults = _FAULTS if two["strict_mutants"].sum() else ""
            yield (
                f"Run as they were written, the answers {_did(one)} without {variant} and "
                f"{_did(two)} with it{faults}; their points differ by {points(gain)}."
            )


def _did(arms: "DataFrame") -> str:
    """What the answers of some arms did: mutants killed, or cases held where there are none."""
    killed, mutants, passed, tests = (
        int(arms[f"strict_{name}"].sum()) for name in ("killed", "mutants", "passed", "tests")
    )
    if mutants:
        return f"killed {killed:,} of {mutants:,} mutants"
    return f"passed {passed:,} of {tests:,} cases"


def _worth(report: Findings) -> Iterator[str]:
    """What the points are worth: whether anything was run."""
    if report.executed is None or report.executed.empty:
        by = "what a judge thought of the answers"
        if report.judged is None:
            checked = dict(report.facts).get("marked by", "").startswith("checks")
            by = "what checks of the text found" if checked else "as they were given"
        yield f"No answer was run: points are {by}, not what the answers do."
