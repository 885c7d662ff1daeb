"""What lies behind a number, opened step by step: a pair of answers, one answer, its evidence.

`pair_view(Pair)` puts both answers side by side; `answer_view(Answer)` shows one trial. Both take
the records of `preamblelab.report.answers` and give `Markup`; every text of a model is escaped.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from preamblelab.report.answers import Answer, Executed, Mark, Opinion, Pair
from preamblelab.report.html.differences import shortened, side_by_side
from preamblelab.report.html.tables import folded, table
from preamblelab.report.markup import Child, Markup, element, foreign
from preamblelab.stats.sentences import counted, points

EVIDENCE_COLUMNS = (
    *("mode", "kind", "status", "reason", "parses", "loads", "tests", "passed", "failed"),
    *("mutants", "killed", "line_share", "repairs", "backend", "runner", "isolated", "seconds"),
)
"""Figures of executed evidence in the order in which they are told."""


def pair_view(pair: Pair, *, open_: bool = False) -> Markup:
    """Both answers side by side, and what each was worth and cost; closed until opened."""
    one, two = pair.baseline, pair.variant
    difference = pair.difference
    effect = "no score" if difference is None else points(difference)
    return folded(
        (
            element("span", effect, class_=f"figure {_way(difference)}"),
            element("strong", one.model),
            f" · {two.variant} · {one.task} · repetition {one.repetition}",
            element("span", pair.why, class_="why") if pair.why else None,
        ),
        _both_scores(pair),
        folded("Points by dimension", _both_marks(one.marks, two.marks), open_=True)
        if one.marks or two.marks
        else None,
        element(
            "div",
            side_by_side(one.text, two.text, _titles(pair)),
            class_="fold",
            role="region",
            aria_label="Both answers",
            tabindex=0,
        ),
        *(_behind(each) for each in (one, two)),
        open_=open_,
        class_="pair",
    )


def answer_view(answer: Answer) -> Markup:
    """One trial: outcome, answer, marks, and everything behind them."""
    return element(
        "section",
        element("h2", answer.name),
        element("p", _outcome(answer)),
        _text(answer.text, "answer"),
        marks_table(answer.marks) if answer.marks else None,
        _behind(answer, open_=True),
        class_="answer",
    )


def marks_table(marks: Sequence[Mark]) -> Markup:
    """Points of each dimension, or why there are none."""
    rows = [
        (each.dimension.replace("_", " "), _of(each.points, each.maximum), _why(each))
        for each in marks
    ]
    return table(
        ("dimension", "points", "note"), rows, caption="Points by dimension", right=("points",)
    )


def opinions_table(opinions: Sequence[Opinion]) -> Markup:
    """What every scorer said of every criterion, with the words it rests on."""
    rows = [
        (
            each.dimension.replace("_", " "),
            each.criterion or "as a whole",
            each.scorer + ("" if each.judgement == 1 else f" ({each.judgement}.)"),
            _of(each.points, each.maximum),
            (
                [element("q", foreign(quote)) for quote in each.quotes],
                element("span", _why(each), class_="quiet") if _why(each) else None,
                element("span", ", ".join(each.flags), class_="quiet") if each.flags else None,
            ),
        )
        for each in opinions
    ]
    columns = ("dimension", "criterion", "scorer", "points", "rests on")
    return table(columns, rows, caption="Criteria, points and quotes", right=("points",))


def executed_view(executed: Sequence[Executed]) -> Markup:
    """What happened when the answer was run, and each test, case and mutant."""
    known = [
        name
        for name in EVIDENCE_COLUMNS
        if any(_given(each.figures.get(name)) for each in executed)
    ]
    rows = [[_plain(each.figures.get(name)) for name in known] for each in executed]
    parts: list[Child] = [table(_heads(known), rows, caption="The answer, run")] if known else []
    for each in executed:
        kinds: dict[str, list[Mapping[str, Any]]] = {}
        for detail in each.details:
            kinds.setdefault(str(detail.get("what", "detail")), []).append(detail)
        parts += [
            folded(
                f"{counted(len(rows), kind)} ({each.mode})", _details(rows, f"{kind}, {each.mode}")
            )
            for kind, rows in kinds.items()
        ]
    return element("div", parts)


def _details(details: Sequence[Mapping[str, Any]], caption: str) -> Markup:
    """Each test, case or mutant in the columns that say something of its kind."""
    told = dict.fromkeys(name for detail in details for name in detail if name != "what")
    names = [name for name in told if any(_given(detail.get(name)) for detail in details)]
    names.sort(key=lambda name: name != "name")
    cells = [[_cell(detail.get(name)) for name in names] for detail in details]
    return table(_heads(names), cells, caption=f"Each {caption}")


def _heads(names: Sequence[str]) -> list[str]:
    """Names of columns in words."""
    return [name.replace("_", " ") for name in names]


def messages_view(messages: Sequence[Any]) -> Markup:
    """The messages exactly as they were sent."""
    if not messages:
        return element("p", "The messages were not recorded.", class_="quiet")
    return element(
        "dl",
        (
            (
                element("dt", str(each.get("role", "?"))),
                element("dd", _text(_content(each), "sent")),
            )
            for each in messages
        ),
        class_="messages",
    )


def _behind(answer: Answer, *, open_: bool = False) -> Markup:
    """Everything else of one answer, folded."""
    return folded(
        ("Behind ", element("strong", answer.variant), f" · {_outcome(answer)}"),
        folded("Criteria and the judge's words", opinions_table(answer.opinions))
        if answer.opinions
        else None,
        folded("Run: tests and mutants", executed_view(answer.executed))
        if answer.executed
        else element("p", "No executed evidence: nobody ran this answer.", class_="quiet"),
        folded("Messages as sent", messages_view(answer.messages)),
        folded("Thought aloud", _text(answer.reasoning, "answer")) if answer.reasoning else None,
        folded("Calls of tools", _text(_json(answer.tool_calls), "answer"))
        if answer.tool_calls
        else None,
        table(("fact", "value"), answer.facts, caption="Tokens, time and cost")
        if answer.facts
        else None,
        open_=open_,
    )


def _both_scores(pair: Pair) -> Markup:
    return element(
        "ul",
        (
            element("li", element("strong", each.variant), ": ", _outcome(each))
            for each in (pair.baseline, pair.variant)
        ),
        class_="plain",
    )


def _both_marks(one: Sequence[Mark], two: Sequence[Mark]) -> Markup:
    first = {each.dimension: each for each in one}
    second = {each.dimension: each for each in two}
    rows = []
    for name in dict.fromkeys((*first, *second)):
        a, b = first.get(name), second.get(name)
        known = a is not None and b is not None and a.points is not None and b.points is not None
        gain = points(b.points - a.points) if known else "-"  # type: ignore[union-attr, operator]
        cells = [_of(each.points, each.maximum) if each else "-" for each in (a, b)]
        rows.append((name.replace("_", " "), *cells, gain))
    columns = ("dimension", "without", "with", "difference")
    return table(columns, rows, caption="Points by dimension", right=columns[1:])


def _titles(pair: Pair) -> tuple[str, str]:
    return pair.baseline.variant, pair.variant.variant


def _outcome(answer: Answer) -> str:
    score = "no score" if answer.score is None else f"{answer.score:.1f} points"
    status = "" if answer.status == "ok" else f", {answer.status}"
    return f"{score}{status}" + (f" ({answer.reason})" if answer.reason else "")


def _text(words: str, class_: str) -> Markup:
    kept, lost = shortened(words)
    more = (
        element("p", f"{lost:,} more characters are in the store.", class_="quiet")
        if lost
        else None
    )
    return element("div", element("pre", foreign(kept), class_=class_, tabindex=0), more)


def _content(message: Any) -> str:
    content = message.get("content", "")
    return content if isinstance(content, str) else _json(content)


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False, default=str)


def _of(value: float | None, maximum: float | None) -> str:
    shown = "-" if value is None else f"{value:g}" if value == round(value, 1) else f"{value:.1f}"
    return shown if maximum is None else f"{shown} of {maximum:g}"


def _why(each: Mark | Opinion) -> str:
    if each.status == "ok":
        return each.reason
    return f"{each.status}: {each.reason}" if each.reason else each.status


def _way(difference: float | None) -> str:
    if difference is None or difference == 0:
        return "flat"
    return "gain" if difference > 0 else "loss"


def _given(value: Any) -> bool:
    return value is not None and value == value and value != ""


def _plain(value: Any) -> str:
    if not _given(value):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _cell(value: Any) -> Child:
    if isinstance(value, list | tuple):
        return foreign("; ".join(map(str, value))) if value else "-"
    return foreign(value) if isinstance(value, str) else _plain(value)


__all__ = [
    "answer_view",
    "executed_view",
    "marks_table",
    "messages_view",
    "opinions_table",
    "pair_view",
]
