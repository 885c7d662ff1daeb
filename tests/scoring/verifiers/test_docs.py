"""The tasks of docs/verifiers.md: they are read, golden answers pass, wrong ones do not."""

import re
from pathlib import Path

import pytest

from preamblelab.domain.records import Response
from preamblelab.domain.tasks import Task
from preamblelab.domain.verifiers import VERIFIER_SHORT_FORMS
from preamblelab.library import load_suite
from preamblelab.library.strict_yaml import parse_yaml
from preamblelab.scoring.verifiers.catalogue import verify
from tests.library.published import validator

PAGE = Path(__file__).resolve().parents[3] / "docs" / "verifiers.md"
TEXT = PAGE.read_text("utf-8")
SUITES = dict(re.findall(r"(?ms)^```yaml\n# suites/(\S+)\n(.*?)^```$", TEXT))


def answer(task: Task, text: str) -> Response:
    return Response(text=text, tool_calls=task.calls_in(text))


@pytest.mark.parametrize("name", SUITES)
def test_golden_answers_pass_and_wrong_ones_do_not(name: str, tmp_path: Path):
    file = tmp_path / name
    file.write_text(SUITES[name], encoding="utf-8")
    for task in load_suite(file).tasks:
        assert task.golden
        assert task.wrong
        golden = verify(task, answer(task, task.golden))
        assert [each.share for each in golden] == [1] * len(task.verify), (task.name, golden)
        wrong = verify(task, answer(task, task.wrong))
        assert any(each.share is not None and each.share < 1 for each in wrong), (task.name, wrong)
        assert all(each.share is not None for each in wrong)


@pytest.mark.parametrize("name", SUITES)
def test_the_suites_fit_the_published_schema(name: str):
    validator("suite").validate(parse_yaml(SUITES[name], name).plain())


def test_the_page_names_every_kind():
    assert len(SUITES) == 6
    for kind in VERIFIER_SHORT_FORMS.main:
        assert f"| `{kind}` |" in TEXT


def test_the_python_of_the_page_runs():
    (code,) = re.findall(r"(?ms)^```python\n(.*?)^```$", TEXT)
    exec(compile(code, str(PAGE), "exec"), {})
