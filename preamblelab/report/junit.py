"""JUnit XML, as build servers read it: one test case for each thing that was decided.

There is no norm; this is the part that Jenkins, GitLab and GitHub's readers have in common:
https://github.com/testmoapp/junitxml
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal
from xml.etree import ElementTree as ET

from preamblelab.report.escaping import for_terminal

Outcome = Literal["passed", "failure", "error", "skipped"]

_OUTSIDE: Final = re.compile("[\ufffe\uffff]")
"""The last characters that XML 1.0 cannot hold once controls and half characters are escapes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One thing that was decided."""

    name: str
    group: str
    """What readers list it under: the `classname`."""
    outcome: Outcome = "passed"
    message: str = ""
    """Why it did not pass, in one line."""
    details: str = ""
    """Everything else a reader of a failure wants."""
    kind: str = ""
    """What kind of failure: the verdict."""
    seconds: float = 0.0
    properties: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """Cases of one name."""

    name: str
    cases: Sequence[Case]
    timestamp: str = ""
    """When it was decided, in UTC."""
    properties: Sequence[tuple[str, str]] = ()


def junit(suites: Sequence[Suite]) -> str:
    """The document; what XML cannot hold is written as an escape that one can see."""
    root = ET.Element("testsuites", _counts([case for suite in suites for case in suite.cases]))
    for suite in suites:
        place = ET.SubElement(
            root, "testsuite", {"name": _text(suite.name), **_counts(suite.cases)}
        )
        if suite.timestamp:
            place.set("timestamp", _text(suite.timestamp))
        _properties(place, suite.properties)
        for case in suite.cases:
            _case(place, case)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, "unicode") + "\n"


def _case(suite: ET.Element, case: Case) -> None:
    place = ET.SubElement(
        suite,
        "testcase",
        {
            "classname": _text(case.group),
            "name": _text(case.name),
            "time": f"{case.seconds:.3f}",
        },
    )
    _properties(place, case.properties)
    if case.outcome == "passed":
        if case.details:
            ET.SubElement(place, "system-out").text = _text(case.details)
        return
    told = {"message": _text(case.message)}
    if case.kind and case.outcome != "skipped":
        told["type"] = _text(case.kind)
    ET.SubElement(place, case.outcome, told).text = _text(case.details) or None


def _properties(place: ET.Element, values: Sequence[tuple[str, str]]) -> None:
    if values:
        group = ET.SubElement(place, "properties")
        for name, value in values:
            ET.SubElement(group, "property", {"name": _text(name), "value": _text(value)})


def _counts(cases: Sequence[Case]) -> dict[str, str]:
    of = [case.outcome for case in cases]
    return {
        "tests": str(len(of)),
        "failures": str(of.count("failure")),
        "errors": str(of.count("error")),
        "skipped": str(of.count("skipped")),
        "time": f"{sum(case.seconds for case in cases):.3f}",
    }


def _text(words: str) -> str:
    return _OUTSIDE.sub(lambda found: f"\\u{ord(found[0]):04x}", for_terminal(words))
