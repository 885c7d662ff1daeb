"""Findings: a code review that points at the fault, and stops nothing that is right."""

from pathlib import PurePosixPath
from typing import Any, NamedTuple

from preamblelab.domain.records import Response
from preamblelab.domain.verifiers import Findings
from preamblelab.scoring.verifiers.json_text import NotJsonError, last_json, parse_json
from preamblelab.scoring.verifiers.verification import Finding, no, quote, verifier, yes


class _Said(NamedTuple):
    file: str
    line: int
    severity: str


@verifier("findings", version="1")
def verify_findings(spec: Findings, response: Response) -> Finding:
    """1 when a finding lies at an expected place and none that would block lies elsewhere."""
    text = last_json(response.text)
    if text is None:
        return no("no JSON list of findings in the answer")
    try:
        value = parse_json(text)
    except NotJsonError as error:
        return no(f"{quote(text)} is no JSON: {error}")
    listed = value if isinstance(value, list) else [value]
    if len(listed) > spec.most:
        return no(f"{len(listed)} findings, at most {spec.most} were asked for")
    said = [_read(each) for each in listed]
    if None in said:
        return no("a finding without file and line")
    findings = [each for each in said if each is not None]
    there = [each for each in findings if _at_a_place(spec, each)]
    false = [each for each in findings if each not in there and each.severity in spec.blocking]
    if false:
        return no(f"a {false[0].severity} finding where none is: {_place(false[0])}")
    return yes(f"found at {_place(there[0])}") if there else no("the fault was not found")


def false_findings(spec: Findings, response: Response) -> tuple[str, ...]:
    """Severities of the findings that lie at no expected place; none where nothing can be read."""
    text = last_json(response.text)
    try:
        value = [] if text is None else parse_json(text)
    except NotJsonError:
        return ()
    listed = value if isinstance(value, list) else [value]
    said = [each for each in map(_read, listed) if each is not None]
    return tuple(each.severity for each in said if not _at_a_place(spec, each))


def _read(each: Any) -> _Said | None:
    if not isinstance(each, dict):
        return None
    file, line, severity = each.get("file"), each.get("line"), each.get("severity", "")
    if isinstance(line, str) and line.isascii() and line.isdigit() and len(line) < 9:
        line = int(line)
    if not isinstance(file, str) or not isinstance(line, int) or isinstance(line, bool):
        return None
    return _Said(file, line, str(severity).strip().casefold())


def _at_a_place(spec: Findings, said: _Said) -> bool:
    """Whether a finding lies at an expected place; a file may be named by its last parts."""
    return any(
        _same_file(said.file, place.file)
        and place.first - spec.near <= said.line <= place.last + spec.near
        for place in spec.expected
    )


def _same_file(said: str, expected: str) -> bool:
    parts, wanted = PurePosixPath(said.strip()).parts, PurePosixPath(expected).parts
    parts = tuple(part for part in parts if part not in {".", "/"})
    return bool(parts) and wanted[-len(parts) :] == parts


def _place(said: _Said) -> str:
    return quote(f"{said.file}:{said.line}")
