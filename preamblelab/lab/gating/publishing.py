"""What a pipeline reads: JUnit XML, GitHub's step summary, annotations; all from one decision."""

import os
from pathlib import Path

from preamblelab.decision.records import Decision
from preamblelab.report.decisions import annotations, decision_markdown, junit_xml
from preamblelab.store.durable import write_file
from preamblelab.store.faults import one_line

SUMMARY_VARIABLE = "GITHUB_STEP_SUMMARY"


def publish(decision: Decision, *, junit: Path | None, summary: bool) -> list[str]:
    """Write what is wanted.

    Args:
        decision: what is said.
        junit: a file for JUnit XML.
        summary: whether to append to the step summary that GitHub names, and to annotate.

    Returns:
        Annotations, one line each, for standard error, where a runner reads them as well; first,
        where no summary was written, the line that says so.
    """
    if junit is not None:
        with one_line(junit, "write JUnit XML"):
            junit.parent.mkdir(parents=True, exist_ok=True)
        write_file(junit, junit_xml([decision]).encode("utf-8"))
    if not summary:
        return []
    named = os.environ.get(SUMMARY_VARIABLE)
    if not named:
        missing = f"note: no step summary was written: {SUMMARY_VARIABLE} names no file"
        return [missing, *annotations(decision)]
    path = Path(named)
    with one_line(path, "write the step summary"), path.open("a", encoding="utf-8") as file:
        file.write(decision_markdown(decision))
    return annotations(decision)
