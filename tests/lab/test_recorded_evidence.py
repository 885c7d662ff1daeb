"""The recorded answers, run: what the judge could not see.

Two measurements with Jest 29 were made of the same 30 answers by others. The first is recorded test
by test and mutant by mutant (`mimir_exec`, 20 mutants); of the second, the figures stand below.
Ours has to agree with both; where it does not, the reason is stated here and in docs/recorded.md.
"""

import gzip
import json
import re
import shlex
import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from preamblelab.cli import main
from preamblelab.domain.evidence_records import Evidence, EvidencePair
from preamblelab.domain.tasks import Task
from preamblelab.library.suites import load_suite
from preamblelab.scoring.evidence.executing_tests import execute_tests
from preamblelab.scoring.evidence.javascript import JavaScriptTests
from preamblelab.scoring.sandbox import Pool
from preamblelab.store import Store
from tests.scoring.sandbox.requirements import need

pytestmark = pytest.mark.whole

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
BASELINE, MINI = "baseline-no-instructions", "claudette-mini"

# The second measurement, in the order of the record: does it parse, does it load, tests, passing
# tests, line coverage in percent by Jest's own coverage.
SECOND = """
r00 yes no  0  0 -     r01 yes yes 4  0  2.56  r02 yes yes 16 15 92.30 r03 no  no  0  0 -
r04 yes yes 19 17 97.43 r05 no  no  0  0 -     r06 no  no  0  0 -     r07 yes no  0  0 -
r08 no  no  0  0 -     r09 yes yes 14 1  79.48 r10 yes yes 19 18 100   r11 yes yes 19 0  2.56
r12 yes yes 11 5  84.61 r13 no  no  0  0 -     r14 no  no  0  0 -     r15 no  no  0  0 -
r16 yes yes 14 1  79.48 r17 yes yes 19 0  2.56  r18 yes yes 13 6  87.17 r19 yes yes 4  0  2.56
r20 yes yes 12 9  79.48 r21 yes yes 4  3  53.84 r22 no  no  0  0 -     r23 no  no  0  0 -
r24 yes yes 20 19 100   r25 yes yes 5  2  64.10 r26 yes yes 12 9  79.48 r27 yes yes 4  3  53.84
r28 no  no  0  0 -     r29 no  no  0  0 -
"""
# It gives the records by run, variant and model, the file by run, model and variant.
ORDER = ("run", "preamble", "model")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One recorded answer, what the first measurement says of it, and our evidence."""

    row: Mapping[str, Any]
    first: Mapping[str, Any]
    pair: EvidencePair

    @property
    def name(self) -> str:
        """Such as `1 claudette-mini phi4:14b`."""
        return " ".join(str(self.row[field]) for field in ORDER)


def lines_of(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def task(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Task:
    """The task of the recorded benchmark; its module stands in the recorded prompt only."""
    folder = tmp_path_factory.mktemp("recorded")
    prompt = json.loads((shared_data / "mimir_prompts.json").read_text("utf-8"))["prompt"]
    module = prompt.split("```javascript\n")[1].split("```")[0]
    (folder / "userValidator.js").write_text(module, "utf-8")
    shutil.copy(EXAMPLES / "recorded_evidence.yaml", folder)
    return load_suite(folder / "recorded_evidence.yaml").tasks[0]


def executed(shared_data: Path, task: Task, wanted: Any = lambda row: True) -> list[Run]:
    """Evidence of the recorded answers, equal texts run once."""
    need("javascript")
    rows = [row for row in lines_of(shared_data / "mimir_runs.jsonl.gz") if wanted(row)]
    first = {row["id"]: row for row in lines_of(shared_data / "mimir_exec.jsonl.gz")}
    texts = list(dict.fromkeys(row["response"] for row in rows))
    with Pool(workers=2) as pool, ThreadPoolExecutor(2) as threads:
        made = threads.map(lambda text: execute_tests(task, text, JavaScriptTests(), pool), texts)
        pairs = dict(zip(texts, made, strict=True))
    runs = [Run(row=row, first=first[row["id"]], pair=pairs[row["response"]]) for row in rows]
    return sorted(runs, key=lambda run: [run.row[field] for field in ORDER])


def killed(evidence: Evidence) -> set[str]:
    return {each["name"] for each in evidence.details.get("mutants", ()) if each["killed"]}


def collected(evidence: Evidence) -> tuple[int, int]:
    """All tests, and those that pass: as Jest counts, copies and empty ones included."""
    tests = evidence.details.get("tests", ())
    return len(tests), sum(each["passed"] for each in tests)


def test_what_the_judge_prized_and_what_it_is_worth(shared_data, task):
    """Run 1, the three answers that kill anything: 13 of 120 mutants before, 14 after."""
    killing = {("phi4:14b", BASELINE), ("phi4:14b", MINI), ("gemma3:4b", BASELINE)}
    runs = executed(
        shared_data,
        task,
        lambda row: row["run"] == 1 and (row["model"], row["preamble"]) in killing,
    )
    found = {run.name: (run.row["total"], run.pair.strict.killed) for run in runs}
    assert found == {
        "1 baseline-no-instructions gemma3:4b": (95, 3),
        "1 baseline-no-instructions phi4:14b": (99, 10),
        "1 claudette-mini phi4:14b": (98, 14),
    }
    assert all(killed(run.pair.strict) == set(run.first["strict"]["killed_list"]) for run in runs)


@pytest.fixture(scope="module")
def runs(shared_data: Path, task: Task) -> list[Run]:
    return executed(shared_data, task)


@pytest.mark.slow
def test_the_first_measurement_as_written(runs):
    """Loads, tests, passes and every single mutant, of 30 answers; one differs, as named."""
    differs = []
    for run in runs:
        strict, theirs = run.pair.strict, run.first["strict"]
        assert strict.status == "ok"
        assert killed(strict) == set(theirs["killed_list"])
        ours = (strict.loads, *collected(strict))
        if ours != (theirs["suite_ran"], theirs["tests"], theirs["passed"]):
            differs.append((run.name, ours, theirs["error"].split(",")[0]))
    # It mocks the module that it should test. They ran without Babel, which moves `jest.mock` to
    # the front: so the real module rejected, nobody waited, and Jest's process ended before it had
    # reported. Here the mock comes first, all four tests fail, and none of them would count.
    assert differs == [
        (
            "1 baseline-no-instructions deepseek-coder:6.7b",
            (True, 4, 0),
            "test process crashed: unhandled promise rejection of an Array (Node 20)",
        )
    ]


@pytest.mark.slow
def test_the_first_measurement_after_repairs(runs):
    differs = {}
    for run in runs:
        ours, theirs = run.pair.repaired, run.first["lenient"]
        if (collected(ours)[1], ours.killed) != (theirs["passed"], theirs["killed"]):
            differs[run.name] = (ours.repairs, collected(ours), ours.killed, theirs["passed"])
    # What we repair and it did not: an import of Jest that is none, one test that does not parse.
    assert differs == {
        "1 baseline-no-instructions phi4-mini:3.8b": (("one test dropped",), (21, 1), 0, 0),
        "1 claudette-mini gemma3:4b": (("import of the framework",), (19, 14), 3, 0),
        "2 baseline-no-instructions phi4-mini:3.8b": (("one test dropped",), (21, 1), 0, 0),
        "3 claudette-tiny phi4-mini:3.8b": (("one test dropped",), (14, 9), 3, 0),
        "4 claudette-tiny phi4-mini:3.8b": (("one test dropped",), (14, 9), 3, 0),
    }


@pytest.mark.slow
def test_the_second_measurement(runs):
    words = SECOND.split()
    second = [words[place : place + 6] for place in range(0, len(words), 6)]
    assert len(second) == len(runs) == 30
    differs = []
    for run, (name, parses, loads, tests, passed, lines) in zip(runs, second, strict=True):
        strict = run.pair.strict
        if strict.parses != (parses == "yes"):
            differs.append((name, "parses"))
        assert strict.loads == (loads == "yes"), name
        assert collected(strict) == (int(tests), int(passed)), name
        share = float(lines) / 100 if lines != "-" else 0.0
        if (strict.line_share or 0.0) != pytest.approx(share, abs=1e-4):
            differs.append((name, "lines"))
    # r00: its blocks parse one by one; put together, as we do, they declare a name twice.
    # r01: it mocks its module, which is never loaded here; there one of its 39 lines ran.
    assert differs == [("r00", "parses"), ("r01", "lines")]


@pytest.mark.slow
def test_the_judged_gain_beside_the_executed_one(runs):
    def sums(mode: str, variant: str) -> int:
        return sum(
            getattr(run.pair, mode).killed
            for run in runs
            if run.row["run"] == 1 and run.row["preamble"] == variant
        )

    first = [run for run in runs if run.row["run"] == 1]
    judged = {
        variant: sum(run.row["total"] for run in first if run.row["preamble"] == variant) / 6
        for variant in (BASELINE, MINI)
    }
    assert judged[MINI] - judged[BASELINE] == pytest.approx(16.5)
    assert (sums("strict", BASELINE), sums("strict", MINI)) == (13, 14)
    assert (sums("repaired", BASELINE), sums("repaired", MINI)) == (13, 28)
    # Judged with 75 points or more, no test passes as it was written.
    prized = [run for run in runs if run.row["total"] >= 75 and not run.pair.strict.passed]
    assert sorted(run.row["total"] for run in prized) == [76, 78, 83, 88, 94]


@pytest.mark.slow
def test_the_page_tells_what_its_command_finds(shared_data, tmp_path, monkeypatch):
    need("javascript")
    page = (EXAMPLES.parent / "docs" / "recorded.md").read_text("utf-8")
    for name in ("mimir_runs.jsonl.gz", "mimir_prompts.json"):
        shutil.copy(shared_data / name, tmp_path)
    shutil.copytree(EXAMPLES, tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    exec(compile(next(block for block in blocks if "mimir" in block), "recorded.md", "exec"), {})
    lines = [line[2:] for line in page.splitlines() if line.startswith("$ preamblelab ")]
    imports, evidence = (
        next(line for line in lines if line.split()[1] == word) for word in ("import", "evidence")
    )
    for line in (imports, evidence):
        monkeypatch.setattr("sys.argv", shlex.split(line))
        with pytest.raises(SystemExit) as left:
            main()
        assert not left.value.code, line
    with Store("recorded.db", read_only=True) as store:
        found = store.evidence("mimir-1")
    told = page.replace("**", "")
    for variant in (BASELINE, MINI):
        for mode in ("strict", "repaired"):
            rows = found[(found["variant"] == variant) & (found["mode"] == mode)]
            passed = f"| {rows['passed'].sum()} of {rows['tests'].sum()} | {rows['killed'].sum()}"
            assert passed in told, (variant, mode)
