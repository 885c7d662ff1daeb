"""Checks of the tests in an answer: how many, of what, and whether they await what is asynchronous.

Text shows that a test is there, not that it passes: a test that asserts the wrong value counts
like a right one until it is executed.
"""

import re
from typing import Final

from preamblelab.domain.records import Response
from preamblelab.domain.tasks import Task
from preamblelab.scoring.checks_analysis import find_cases, steps, topical
from preamblelab.scoring.checks_cases import TestCase, cases, distinct
from preamblelab.scoring.checks_javascript import scan
from preamblelab.scoring.checks_reading import CheckResult, part, read

_AWAITED: Final = re.compile(r"\b(?:await|return|asyncio\.run|run_until_complete)\b")
_KEPT: Final = re.compile(r"\b(?:const|let|var)?\s*([A-Za-z_$][\w$]*)\s*=[^=>]")
_REFUSES: Final = re.compile(
    r"\braise\b|\bthrow\b|\breject\(|\breturn (?:None|null|false)\b", re.IGNORECASE
)
_ERRORS_WANTED: Final = 3
_NEAR: Final = 2_000
"""Characters around a call in which its statement is looked for."""


def uses_symbols(task: Task, response: Response) -> CheckResult:
    """Share of the names that the task demands which the code uses, or, without code, the text.

    A task that demands none is searched for its own words instead.
    """
    wanted = task.expect.symbols
    if not wanted:
        return topical(task, response)
    reading = read(task, response)
    text = response.text if task.expect.language == "text" else reading.code
    folded = text.lower()
    found = [name for name in wanted if name.lower() in folded]
    missing = [name for name in wanted if name not in found]
    evidence = (f"{len(found)} of {len(wanted)}", *(f"missing: {name}" for name in missing[:5]))
    return CheckResult(part(len(found), len(wanted)), evidence)


def distinct_tests(task: Task, response: Response) -> CheckResult:
    """Tests that assert something, each body once, against the number that the task asks for.

    A table of cases counts its rows. Copies under another name and empty tests do not count. A
    text without code counts the entries of its lists; a task that asks for no tests passes these
    points on to `edge_cases_tested`.
    """
    if task.expect.language == "text":
        return steps(task, response)
    if not task.expect.tests:
        return edge_cases_tested(task, response)
    found = cases(read(task, response), task.expect.language)
    count = sum(test.count for test in distinct(found))
    evidence = f"{count} distinct of {len(found)} written, {task.expect.tests} wanted"
    return CheckResult(part(count, task.expect.tests), (evidence,))


def edge_cases_tested(task: Task, response: Response) -> CheckResult:
    """Share of the task's edge cases that its tests (or, where none are asked for, its code) hold.

    Only tests that assert something are searched. A task that lists no edge cases passes these
    points on to its tests, or to the names that it demands.
    """
    if not task.expect.edge_cases:
        testing = task.expect.language != "text" and task.expect.tests
        return distinct_tests(task, response) if testing else uses_symbols(task, response)
    found = find_cases(task, _searched(task, response))
    missing = [name for name in task.expect.edge_cases if name not in found]
    evidence = (
        f"{len(found)} of {len(task.expect.edge_cases)}",
        *(f"missing: {name}" for name in missing[:5]),
    )
    return CheckResult(part(len(found), len(task.expect.edge_cases)), evidence)


def _searched(task: Task, response: Response) -> str:
    if task.expect.language == "text":
        return response.text
    reading = read(task, response)
    if not task.expect.tests:
        return reading.code
    return "\n".join(
        f"{test.name.replace('_', ' ')}\n{test.source}"
        for test in distinct(cases(reading, task.expect.language))
    )


def error_cases_tested(task: Task, response: Response) -> CheckResult:
    """Distinct tests that provoke an error (three fifths), and look at its message or fields.

    A quarter of the tests that the task asks for should. Code without tests should refuse bad
    input at least twice; a text without code passes these points on to `uses_symbols`.
    """
    if task.expect.language == "text":
        return uses_symbols(task, response)
    reading = read(task, response)
    if not task.expect.tests:
        count = len(_REFUSES.findall(reading.code))
        return CheckResult(part(count, 2), (f"refuses bad input {count} times",))
    wanted = max(_ERRORS_WANTED, task.expect.tests // 4)
    errors = [test for test in distinct(cases(reading, task.expect.language)) if test.error]
    close = sum(test.message for test in errors)
    share = 0.6 * part(len(errors), wanted) + 0.4 * part(close, wanted)
    return CheckResult(share, (f"{len(errors)} provoke an error, {close} look at it closely",))


def async_handled(task: Task, response: Response) -> CheckResult:
    """Share of the calls of asynchronous names that are awaited, returned or run to their end.

    A task with nothing asynchronous passes these points on to `error_cases_tested`.
    """
    names = task.expect.async_symbols
    if not names or task.expect.language == "text":
        return error_cases_tested(task, response)
    reading = read(task, response)
    if task.expect.tests:
        stretches = [test.source for test in cases(reading, task.expect.language)]
    else:
        stretches = [reading.code]
    good = bad = 0
    for stretch in stretches:
        for handled in _calls(stretch, names):
            good, bad = good + handled, bad + (not handled)
    if good + bad == 0:
        return CheckResult(0.0, ("never called: " + ", ".join(names),))
    return CheckResult(good / (good + bad), (f"{good} of {good + bad} calls awaited",))


def _calls(source: str, names: tuple[str, ...]) -> list[bool]:
    """For each call of one of the names, whether its statement waits for it."""
    bare = scan(source).bare
    call = re.compile(r"\b(?:" + "|".join(re.escape(name) for name in names) + r")\s*\(")
    results = []
    for match in call.finditer(bare):
        near = bare[max(0, match.start() - _NEAR) : match.start()]
        statement = near[max(near.rfind(sign) for sign in ";\n{}") + 1 :]
        if re.search(r"\b(?:async\s+)?(?:function|def)\s*$|^\s*async\s*$", statement):
            continue
        kept = _KEPT.search(statement)
        later = kept is not None and re.search(
            rf"\b(?:await|return)\b[^;\n]{{0,80}}\b{re.escape(kept[1])}\b",
            bare[match.end() : match.end() + _NEAR],
        )
        results.append(_AWAITED.search(statement) is not None or bool(later))
    return results


def written(task: Task, response: Response) -> tuple[TestCase, ...]:
    """All tests of an answer; none where the task asks for none."""
    return cases(read(task, response), task.expect.language) if task.expect.tests else ()
