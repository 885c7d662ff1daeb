"""Which pairs of answers a report shows: the most telling ones, and why each."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from preamblelab.report.findings import Findings
from preamblelab.stats.sentences import points

if TYPE_CHECKING:
    from pandas import DataFrame

MOST_PAIRS: Final = 12
"""Pairs that a page shows; more are read by nobody and make it heavy."""
ODD: Final = ("looped", "refused", "empty", "truncated")
RULE: Final = (
    "the largest gain and the largest loss under each variant; where answers looped, were refused, "
    "empty or cut, the pair that this moved most; a pair whose preamble did not arrive; what was "
    "praised and failed when it was run; and for each model the pair most like its mean effect"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A pair that is worth reading, by the keys of its answers in the table of scores."""

    baseline: int
    """Place of the baseline's trial in the table of scores."""
    variant: int
    why: str


def telling_pairs(report: Findings, most: int = MOST_PAIRS) -> tuple[list[Choice], int, str]:
    """The pairs that a report shows.

    Args:
        report: its scores tell which answers there are.
        most: pairs at most.

    Returns:
        The choices in reading order, the number of pairs that there are, and the rule in words.
    """
    pairs = _pairs(report)
    if len(pairs) <= most:
        undelivered = _undelivered(report)
        chosen = [_choice(row, _said(row, undelivered)) for row in _records(pairs)]
        return chosen, len(pairs), "all of them"
    kept: dict[int, Choice] = {}
    for row, why in _candidates(report, pairs):
        if row["place"] not in kept:
            kept[row["place"]] = _choice(row, why)
        if len(kept) == most:
            break
    return list(kept.values()), len(pairs), RULE


def _pairs(report: Findings) -> "DataFrame":
    """Both answers to one task in one repetition, a row a pair, with the difference in points."""
    scores = report.scores
    place = scores.reset_index(drop=True).reset_index(names="place")
    if "status" not in place:
        place["status"] = "ok"
    if "response_key" not in place:
        return place.iloc[0:0].assign(difference=0.0, place_baseline=0)
    answered = place[~place["status"].isin(("pending", "failed"))]
    key = ["model", "task", "repetition"]
    columns = [*key, "variant", "place", "score", "status", "output_hash"]
    columns = [name for name in columns if name in answered]
    base = answered[answered["variant"] == report.baseline][columns]
    other = answered[answered["variant"] != report.baseline][columns]
    pairs = other.merge(base, on=key, suffixes=("", "_baseline"))
    return pairs.assign(difference=pairs["score"] - pairs["score_baseline"])


def _candidates(report: Findings, pairs: "DataFrame") -> Iterator[tuple[dict[str, Any], str]]:
    """Pairs in the order in which they deserve a place; one may come twice."""
    for row in _contradicted(report, pairs):
        yield row, "praised, and nothing of it worked when it was run"
    for variant, rows in pairs.groupby("variant", sort=False):
        known = rows[rows["difference"].notna()].sort_values("difference", kind="stable")
        if known.empty:
            continue
        loss, gain = _records(known.head(1))[0], _records(known.tail(1))[0]
        if gain["difference"] > 0:
            yield gain, f"the largest gain under {variant}"
        if loss["difference"] < 0:
            yield loss, f"the largest loss under {variant}"
    for model, variant in sorted(_undelivered(report)):
        found = pairs[(pairs["model"] == model) & (pairs["variant"] == variant)]
        for row in _records(found.head(1)):
            yield row, "the preamble did not arrive"
    for side, arm in (("status", "with the preamble"), ("status_baseline", "without it")):
        for status in ODD:
            found = pairs[pairs[side] == status]
            moved = found.assign(by=found["difference"].abs().fillna(-1.0)).sort_values(
                "by", ascending=False, kind="stable"
            )
            for row in _records(moved.head(1)):
                yield row, f"{status} {arm}"
    yield from _typical(report, pairs)


def _typical(report: Findings, pairs: "DataFrame") -> Iterator[tuple[dict[str, Any], str]]:
    """For each model and variant the pair whose difference is nearest to the mean effect."""
    wanted = report.effects[report.effects["effect"].notna()]
    far = wanted.assign(by=wanted["effect"].abs()).sort_values("by", ascending=False, kind="stable")
    for effect in _records(far):
        own = pairs[(pairs["model"] == effect["model"]) & (pairs["variant"] == effect["variant"])]
        near = own.assign(by=(own["difference"] - effect["effect"]).abs()).sort_values(
            "by", kind="stable"
        )
        for row in _records(near.head(1)):
            if row["by"] == row["by"]:
                yield row, f"typical of {effect['model']}: its effect is {points(effect['effect'])}"


def _contradicted(report: Findings, pairs: "DataFrame") -> list[dict[str, Any]]:
    """The best marked answer of which nothing worked when it was run."""
    run = report.executed
    if run is None or run.empty:
        return []
    nothing = run[(run["status"] == "ok") & (run["mode"] == "strict") & (run["passed"] == 0)]
    key = ["model", "variant", "task", "repetition"]
    found = pairs.merge(nothing[key].drop_duplicates(), on=key).sort_values(
        "score", ascending=False, kind="stable"
    )
    return _records(found.head(2))


def _undelivered(report: Findings) -> set[tuple[str, str]]:
    lost = report.effects[report.effects["delivery"] == "undelivered"]
    return set(zip(lost["model"], lost["variant"], strict=True))


def _said(row: dict[str, Any], undelivered: set[tuple[str, str]]) -> str:
    """What is odd about a pair, where all are shown."""
    lost = (row["model"], row["variant"]) in undelivered
    odd = ["the preamble did not arrive"] if lost else []
    odd += [
        f"{row[side]} {arm}"
        for side, arm in (("status", "with the preamble"), ("status_baseline", "without it"))
        if row[side] in ODD
    ]
    return ", ".join(odd)


def _choice(row: dict[str, Any], why: str) -> Choice:
    return Choice(baseline=int(row["place_baseline"]), variant=int(row["place"]), why=why)


def _records(table: "DataFrame") -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]
