"""The built-in checks by name: what text alone shows of an answer, without any model.

Each is a pure, total function of a task and a response, linear in the answer's length. An empty
answer earns 0 everywhere, by rule. No check executes anything: whether a test passes, whether a
stated fact is true and whether a named edge case makes sense, they cannot see.

A check that a task gives nothing to look for (nothing asynchronous, no tests, no code) passes its
points on to its neighbour, as its docstring says: no points are given for what was not asked.
"""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Final

from preamblelab.domain.records import Response
from preamblelab.domain.tasks import Task
from preamblelab.scoring import checks_analysis, checks_code, checks_tests
from preamblelab.scoring.checks_reading import CheckResult

__all__ = ["CHECKS", "Check", "CheckResult"]

Check = Callable[[Task, Response], CheckResult]

_EMPTY: Final = CheckResult(0.0, ("the answer is empty",))


def _nothing_for_nothing(check: Check) -> Check:
    """The check, with the rule that an empty answer earns nothing put before it."""

    @wraps(check)
    def checked(task: Task, response: Response) -> CheckResult:
        return check(task, response) if response.text.strip() else _EMPTY

    return checked


CHECKS: Final[Mapping[str, Check]] = {
    check.__name__: _nothing_for_nothing(check)
    for check in (
        checks_analysis.analysis_names_edge_cases,
        checks_analysis.analysis_before_code,
        checks_analysis.async_recognised,
        checks_analysis.strategy_before_code,
        checks_analysis.strategy_names_reasons,
        checks_code.code_parses,
        checks_code.no_placeholders,
        checks_code.names_defined,
        checks_code.assertions_present,
        checks_code.names_describe,
        checks_code.no_duplication,
        checks_code.structure,
        checks_tests.uses_symbols,
        checks_tests.distinct_tests,
        checks_tests.edge_cases_tested,
        checks_tests.error_cases_tested,
        checks_tests.async_handled,
    )
}
"""Every built-in check by the name under which a rubric's criterion calls it."""
