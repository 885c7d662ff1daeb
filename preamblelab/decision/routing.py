"""Whether routing rules may stand, and who answers a category: from findings, fail closed; pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, Literal

from preamblelab.domain.routing import RouteRule, RoutingFile, Tier, shown
from preamblelab.errors import SpecError
from preamblelab.stats.sentences import interval, points

SURVIVED: Final = "survived"
REFUSED: Final = 3
"""Exit code of a check that a rule does not pass."""

IsLocal = Callable[[str], bool | None]
"""Whether a model of this name runs where nothing leaves; None: nobody says."""
Basis = Callable[[str, Sequence[str]], Mapping[str, Any]]
"""What a finding on a category and some models would rest on today."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleCheck:
    """What may be said of one rule."""

    category: str
    to: str
    because: str
    said: Literal["pass", "fail", "stale", "lapsed"]
    """`stale`: its finding has expired, and it is used for a while; `lapsed`: no longer."""
    words: str
    numbers: Mapping[str, float | str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingCheck:
    """What may be said of all rules."""

    rules: tuple[RuleCheck, ...]
    simulated: bool = False
    checked_against: str = ""
    """The run whose manifest the findings were held against; empty: none."""

    @property
    def exit_code(self) -> int:
        """0, or 3 where a rule must not stand."""
        return REFUSED if any(rule.said == "fail" for rule in self.rules) else 0

    def rule(self, category: str) -> RuleCheck | None:
        """The check of the rule for a category; None where there is no rule."""
        return next((rule for rule in self.rules if rule.category == category), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Who answers a category, in the order of asking, and why."""

    category: str
    models: tuple[str, ...]
    private: bool
    """Whether only models that run here may answer."""
    known: bool
    """Whether a rule names the category."""
    reason: str
    warning: str = ""


def check_routing(
    file: RoutingFile,
    findings: Mapping[str, Any] | None,
    *,
    is_local: IsLocal,
    basis: Basis | None = None,
    against: str = "",
    stale_since: Mapping[str, date] | None = None,
    today: date | None = None,
) -> RoutingCheck:
    """Say of every rule whether it may stand.

    A quality rule needs a finding that survived, on its category, led by its target. Cost, privacy
    and latency need none, and print what they cost in quality.

    Args:
        file: the rules.
        findings: what `preamblelab replicate` wrote; None: nothing was measured.
        is_local: where a model runs.
        basis: what findings would rest on today; None: nothing is said of their age.
        against: name of the run behind `basis`.
        stale_since: when each finding was first seen to have expired.
        today: the day (UTC) on which the grace is counted; needed with `stale_since`.

    Raises:
        SpecError: a privacy rule names a model that is not known to run here.
    """
    found = findings or {}
    by_id = {str(row["id"]): row for row in found.get("findings", ())}
    checks = []
    for rule in file.routing.rules:
        if rule.because == "privacy":
            _refuse_cloud(file, rule, is_local)
        if rule.because == "quality":
            check = _quality(rule, by_id)
            if check.said == "pass" and basis is not None and rule.finding is not None:
                since = (stale_since or {}).get(rule.finding)
                check = _aged(file, check, by_id[rule.finding], basis, since, today)
        else:
            check = _other(file, rule, found.get("gaps", ()))
        checks.append(check)
    return RoutingCheck(
        rules=tuple(checks),
        simulated=bool(found.get("simulated")),
        checked_against=against if basis is not None else "",
    )


def expired(file: RoutingFile, findings: Mapping[str, Any] | None, basis: Basis) -> dict[str, str]:
    """Findings that rules rest on and that have expired, with what changed."""
    by_id = {str(row["id"]): row for row in (findings or {}).get("findings", ())}
    named = [rule.finding for rule in file.routing.rules if rule.finding in by_id]
    return {str(name): why for name in named if (why := _changes(by_id[str(name)], basis))}


def route(file: RoutingFile, category: str, check: RoutingCheck, *, is_local: IsLocal) -> Route:
    """Who answers a category; an unknown one gets the default.

    Args:
        file: the rules.
        category: what is asked for.
        check: of the same rules; a rule that must not stand, or has lapsed, gives way to the
            default, which is said.
        is_local: where a model runs; a private category is only ever answered by local ones.
    """
    rule = next((each for each in file.routing.rules if each.category == category), None)
    if rule is None:
        target, reason = file.routing.default, "no rule names this category: the default answers"
        return _route(file, category, target, reason, known=False, is_local=is_local)
    said = check.rule(category)
    if said is not None and said.said in {"fail", "lapsed"}:
        reason = f"the rule to {shown(rule.to)} does not stand: the default answers"
        found = _route(file, category, file.routing.default, reason, known=True, is_local=is_local)
        return _warned(found, said.words)
    reason = f"{shown(rule.to)}, for {rule.because}: {said.words if said else ''}"
    private = rule.because == "privacy"
    found = _route(file, category, rule.to, reason, known=True, is_local=is_local, private=private)
    return _warned(found, said.words) if said is not None and said.said == "stale" else found


def _route(
    file: RoutingFile,
    category: str,
    target: "str | Tier",
    reason: str,
    *,
    known: bool,
    is_local: IsLocal,
    private: bool = False,
) -> Route:
    names = list(file.members(target))
    for word in file.routing.fallback:
        names += file.members(word)
    allowed = [name for name in dict.fromkeys(names) if not private or is_local(name)]
    return Route(
        category=category, models=tuple(allowed), private=private, known=known, reason=reason
    )


def _warned(found: Route, words: str) -> Route:
    return Route(
        category=found.category, models=found.models, private=found.private, known=found.known,
        reason=found.reason, warning=words,
    )  # fmt: skip


def _refuse_cloud(file: RoutingFile, rule: RouteRule, is_local: IsLocal) -> None:
    for name in file.members(rule.to):
        if is_local(name) is not True:
            where = "runs in a cloud" if is_local(name) is False else "may run anywhere"
            raise SpecError(
                f"category '{rule.category}' is private, and {name} {where}: name a model that "
                f"runs here, or say so under 'places' ({name}: local)"
            )


def _quality(rule: RouteRule, by_id: Mapping[str, Any]) -> RuleCheck:
    def told(said: Literal["pass", "fail"], words: str) -> RuleCheck:
        return RuleCheck(
            category=rule.category, to=shown(rule.to), because=rule.because, said=said, words=words
        )

    if rule.finding is None:
        return told("fail", "a quality rule needs the finding that it rests on ('finding: F1')")
    row = by_id.get(rule.finding)
    if row is None:
        known = ", ".join(by_id) or "none"
        return told("fail", f"there is no finding {rule.finding}; known: {known}")
    name = rule.to.tier if isinstance(rule.to, Tier) else rule.to
    if row["category"] != rule.category:
        return told("fail", f"finding {rule.finding} speaks of category '{row['category']}'")
    if row["status"] != SURVIVED:
        return told("fail", f"finding {rule.finding} has not survived: {row['sentence']}")
    if row["leader"] != name:
        return told("fail", f"finding {rule.finding} says that {row['leader']} leads, not {name}")
    return told("pass", str(row["sentence"]))


def _aged(
    file: RoutingFile,
    check: RuleCheck,
    row: Mapping[str, Any],
    basis: Basis,
    since: date | None,
    today: date | None,
) -> RuleCheck:
    """The check of a rule whose finding may have expired."""
    why = _changes(row, basis)
    if not why:
        return check
    days = (today - since).days if since is not None and today is not None else 0
    left = file.grace_days - days
    said: Literal["stale", "lapsed"] = "stale" if left >= 0 else "lapsed"
    rest = f"used for {left} more days" if left >= 0 else "its grace is over"
    return RuleCheck(
        category=check.category,
        to=check.to,
        because=check.because,
        said=said,
        words=f"finding {row['id']} has expired: {why}; {rest}, then the default answers"
        if left >= 0
        else f"finding {row['id']} has expired: {why}; {rest}, the default answers",
    )


def _changes(row: Mapping[str, Any], basis: Basis) -> str:
    """What of a finding's basis is otherwise today; empty: nothing, or it never had one."""
    before = row.get("basis") or {}
    if not before:
        return ""
    now = basis(str(row["category"]), list(before["arms"]))
    words = {"suite": "the tasks changed", "judging": "rubric, judges or variants changed"}
    changed = [text for name, text in words.items() if now.get(name) != before.get(name)]
    arms = now.get("arms", {})
    changed += [f"{arm} changed" for arm, own in before["arms"].items() if arms.get(arm) != own]
    return ", ".join(changed)


def _other(file: RoutingFile, rule: RouteRule, gaps: Sequence[Mapping[str, Any]]) -> RuleCheck:
    """A rule for cost, privacy or latency: it stands, and its price in quality is told."""
    own = [row for row in gaps if row["category"] == rule.category]
    chosen = file.members(rule.to)[0]
    mine = [row for row in own if row["first"] == chosen]
    kind = f"a {rule.because} choice, not a quality choice"
    numbers: dict[str, float | str | None] = {}
    if not mine:
        words = f"what it costs in quality is not known ({chosen} was not measured here): {kind}"
    else:
        worst = min(mine, key=lambda row: row["gap"])
        numbers = {name: worst[name] for name in ("gap", "low", "high", "n_tasks", "second")}
        if worst["gap"] >= 0:
            words = f"nobody measured here is ahead of {chosen}: {kind}"
        else:
            limits = "" if worst["low"] is None else f" {interval(worst['low'], worst['high'])}"
            words = (
                f"{chosen} is {points(worst['gap'])} points{limits} against {worst['second']} on "
                f"{worst['n_tasks']} tasks: {kind}"
            )
    return RuleCheck(
        category=rule.category, to=shown(rule.to), because=rule.because, said="pass",
        words=words, numbers=numbers,
    )  # fmt: skip
