"""What simulated models know of a task that asks for tests: its golden answer, test by test.

Each test comes in three qualities: as the golden answer has it, without a look at what an error
says, and with a wrong expectation. They are derived from the text, so that a task of one's own
with a golden answer in the usual form could be known the same way.
"""

import ast
import re
from textwrap import dedent
from typing import Final

from preamblelab.domain.tasks import Task
from preamblelab.execution.simulation.errors_in_javascript import weak_javascript, wrong_javascript
from preamblelab.execution.simulation.errors_in_python import weak_python, wrong_python
from preamblelab.execution.simulation.knowledge import Known, SampleTest, SuiteKnowledge

_FENCE: Final = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_GROUP: Final = re.compile(
    r"^describe\('(?P<name>[^\n]*?)', \(\) => \{\n(?P<body>.*?)^\}\);", re.MULTILINE | re.DOTALL
)
_TEST: Final = re.compile(
    r"^  it\('(?P<name>[^\n]*?)', (?P<awaits>async )?\(\) => \{\n(?P<body>.*?)^  \}\);",
    re.MULTILINE | re.DOTALL,
)
_SENTENCE: Final = re.compile(r"(?<=[.!?:])\s+")
_REASON: Final = re.compile(r",? (?:because|since|so that|otherwise)\b|; otherwise\b")


def known_suite_task(task: Task, language: str, module: str) -> Known | None:
    """What a model knows of a task that asks for tests; None without a golden answer's code.

    Args:
        task: with its golden answer.
        language: of the tests.
        module: name of the module's file.
    """
    golden = task.golden or ""
    fence = _FENCE.search(golden)
    if fence is None:
        return None
    head, tests = _python(fence[1]) if language == "python" else _javascript(fence[1])
    before = [part.strip() for part in golden[: fence.start()].split("\n\n")]
    cases = [
        line.removeprefix("- ") for part in before for line in part.split("\n") if line[:2] == "- "
    ]
    said = [part for part in before if part and part[:2] != "- " and not part.endswith(":")]
    sentences = [each for part in said for each in _SENTENCE.split(" ".join(part.split()))]
    reasons = [each for each in sentences if _REASON.search(each)]
    after = [" ".join(part.split()) for part in golden[fence.end() :].split("\n\n")]
    return Known(
        task=task.name,
        mark=task.turns()[-1]["content"],
        knowledge=SuiteKnowledge(
            language=language,
            module=module.rpartition(".")[0],
            head=head,
            tests=tests,
            cases=tuple(cases),
            strategies=(" ".join(_without_reason(each) for each in sentences),),
            reasons=(*reasons, *(each for each in after if each)),
        ),
    )


def _without_reason(sentence: str) -> str:
    """What is done, without why."""
    found = _REASON.search(sentence)
    return sentence if found is None else sentence[: found.start()].rstrip(" ,;") + "."


def _python(code: str) -> tuple[str, tuple[SampleTest, ...]]:
    lines = code.split("\n")
    tests = [
        node
        for node in ast.parse(code).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]
    head = "\n".join(lines[: tests[0].lineno - 1]).strip("\n")
    return head, tuple(_python_test(node, lines) for node in tests)


def _python_test(node: ast.FunctionDef, lines: list[str]) -> SampleTest:
    body = dedent("\n".join(lines[node.body[0].lineno - 1 : node.end_lineno]))
    return SampleTest(
        name=node.name.removeprefix("test_").replace("_", " "),
        body=body,
        weak=weak_python(body),
        wrong=wrong_python(body),
        arguments=ast.unparse(node.args),
        awaits="asyncio.run(" in body,
    )


def _javascript(code: str) -> tuple[str, tuple[SampleTest, ...]]:
    groups = list(_GROUP.finditer(code))
    head = code[: groups[0].start()].strip("\n")
    return head, tuple(
        _javascript_test(group["name"], test)
        for group in groups
        for test in _TEST.finditer(group["body"])
    )


def _javascript_test(group: str, test: re.Match[str]) -> SampleTest:
    body = dedent(test["body"]).rstrip("\n")
    return SampleTest(
        name=test["name"],
        body=body,
        weak=weak_javascript(body),
        wrong=wrong_javascript(body),
        group=group,
        awaits=test["awaits"] is not None,
    )
