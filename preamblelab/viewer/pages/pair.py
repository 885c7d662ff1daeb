"""What lies behind one number: both answers side by side, and everything that is known of them."""

from preamblelab.errors import SpecError
from preamblelab.lab.answers import answer_of
from preamblelab.report.answers import Pair
from preamblelab.report.html.drill import answer_view, pair_view
from preamblelab.report.markup import Markup, element
from preamblelab.store import Snapshot, TrialLine
from preamblelab.viewer.addresses import Query, named, to, whole
from preamblelab.viewer.pages.shell import (
    experiment_crumb,
    number,
    shell,
    signed,
    simulated,
    status,
    when,
)
from preamblelab.viewer.source import Source

_PLACE = ("model", "variant", "task", "repetition")


def page(source: Source, query: Query) -> Markup:
    """A trial beside the baseline's answer to the same task and repetition."""
    experiment = named(query, "experiment")
    snapshot = source.snapshot(experiment)
    line = snapshot.line(_ordinal(query))
    beside = _beside(snapshot, line)
    store = source.store
    shown = answer_of(store, experiment, line)
    if beside is None:
        view = answer_view(shown)
    else:
        other = answer_of(store, experiment, beside)
        view = pair_view(Pair(baseline=other, variant=shown), open_=True)
    return shell(
        source,
        f"{line.model} · {line.task} · repetition {line.repetition}",
        simulated() if line.simulated else None,
        _arms(experiment, snapshot, line),
        _repetitions(experiment, snapshot, line),
        element("div", view, class_="drill"),
        element("section", element("h2", "As plain text"),
                [_whole(experiment, each) for each in (beside, line) if each is not None]),
        _failures(source, line),
        crumbs=[experiment_crumb(experiment), ("Trials", to("trials", experiment=experiment))],
    )  # fmt: skip


def whole_text(source: Source, query: Query) -> str:
    """The answer of a trial as it is, or the messages that were sent for it.

    Raises:
        SpecError: there is no such trial, or it has no answer.
    """
    experiment = named(query, "experiment")
    line = source.snapshot(experiment).line(_ordinal(query))
    response = source.store.response(line.response_key)
    if response is None:
        raise SpecError(f"trial {line.ordinal} of '{experiment}' has no answer ({line.status})")
    return response.text


def _ordinal(query: Query) -> int:
    found = whole(query, "trial")
    if found is None:
        raise SpecError("this address names no trial: start from the list of trials")
    return found


def _beside(snapshot: Snapshot, line: TrialLine) -> TrialLine | None:
    """The baseline's trial that this one is compared with; none for the baseline's own."""
    if line.variant == snapshot.baseline:
        return None
    return next((each for each in snapshot.arms(line) if each.variant == snapshot.baseline), None)


def _arms(experiment: str, snapshot: Snapshot, line: TrialLine) -> Markup:
    """The other variants that were asked the same."""
    return element(
        "nav",
        element(
            "ul",
            (
                element(
                    "li",
                    _link(experiment, each, each.variant, here=each.ordinal == line.ordinal),
                    " ",
                    number(each.score) if each.status != "pending" else None,
                    " ",
                    signed(each.gain) if each.variant != snapshot.baseline else None,
                    " ",
                    status(each.status, each.reason) if each.status != "ok" else None,
                )
                for each in snapshot.arms(line)
            ),
            class_="tabs",
        ),
        aria_label="Variants",
    )


def _repetitions(experiment: str, snapshot: Snapshot, line: TrialLine) -> Markup | None:
    same = snapshot.repetitions(line)
    if len(same) < 2:
        return None
    return element(
        "nav",
        element("span", "Repetition ", class_="quiet"),
        (
            (_link(experiment, each, str(each.repetition), here=each.ordinal == line.ordinal), " ")
            for each in same
        ),
        aria_label="Repetitions",
        class_="numbers",
    )


def _link(experiment: str, line: TrialLine, words: str, *, here: bool) -> Markup:
    address = to("pair", experiment=experiment, trial=line.ordinal)
    return element("a", words, href=address, aria_current="page" if here else None)


def _whole(experiment: str, line: TrialLine) -> Markup:
    address = to("text", experiment=experiment, trial=line.ordinal)
    return element("p", element("a", f"Whole answer of {line.variant}", href=address))


def _failures(source: Source, line: TrialLine) -> Markup | None:
    failed = source.store.failed_calls(line.response_key)
    if not failed:
        return None
    return element(
        "section",
        element("h2", "Calls without an answer"),
        element(
            "ul",
            (
                element("li", when(each.created), f" {each.reason}, ",
                        f"{each.attempts} requests sent")
                for each in failed
            ),
        ),
    )  # fmt: skip
