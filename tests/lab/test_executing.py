"""Stored and imported answers are run by what another suite says; their marks stay as they are."""

import gzip
import json
import shutil
from pathlib import Path

import pytest

import preamblelab as pl
from preamblelab.cli import main
from preamblelab.domain.tasks import Suite, Task
from preamblelab.errors import SpecError
from preamblelab.lab.exchange.importing import import_file
from preamblelab.lab.executing import execute_with
from preamblelab.store import Store
from tests.scoring.sandbox.requirements import need

MODULE = "def double(n):\n    return 2 * n\n"
GOOD = "```python\nfrom double import double\ndef test_two():\n    assert double(2) == 4\n```"
BAD = "```python\nfrom double import double\ndef test_two():\n    assert double(2) == 5\n```"


def lender(name: str = "double", by: str = "3 * n") -> Suite:
    mutant = {"name": "m", "kind": "value", "replace": "2 * n", "by": by}
    tests = {"language": "python", "module": "double.py", "mutants": [mutant]}
    task = Task.model_validate(
        {
            "name": name,
            "prompt": "Write tests.",
            "files": {"double.py": MODULE},
            "evidence": {"tests": tests},
        }
    )
    return Suite(name="lender", tasks=(task,))


@pytest.fixture
def imported(tmp_path: Path) -> Path:
    """Two answers that somebody else's judge gave the same points."""
    rows = [
        {"experiment": "theirs", "model": "m", "variant": variant, "task": "doubling"}
        | {"repetition": 1, "response": text, "score": 80.0}
        for variant, text in (("baseline", GOOD), ("careful", BAD))
    ]
    file = tmp_path / "theirs.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    with Store(tmp_path / "runs.db") as store:
        import_file(file, store)
    return tmp_path / "runs.db"


@pytest.mark.whole
def test_imported_answers_are_run_and_keep_their_marks(imported: Path) -> None:
    need("python")
    with Store(imported) as store:
        before = store.scores("theirs")["score"].tolist()
        execute_with(store, "theirs", lender())
        strict = store.evidence("theirs").query("mode == 'strict'").set_index("variant")
        assert strict["killed"].to_dict() == {"baseline": 1, "careful": 0}
        assert strict["passed"].to_dict() == {"baseline": 1, "careful": 0}
        assert store.scores("theirs")["score"].tolist() == before == [80.0, 80.0]
        assert execute_with(store, "theirs", lender()).done == 0, "run once for one suite"
        assert execute_with(store, "theirs", lender(by="4 * n")).done == 2, "and anew for another"
        text = str(pl.analyze(store, "theirs"))
    assert "careful: 0.0 points of 100 judged; executed worth −100.0" in " ".join(text.split())
    assert "1 answer of 2 got 70 % or more" in " ".join(text.split())


def test_a_suite_that_says_nothing_to_run_is_refused(imported: Path) -> None:
    two = Suite(
        name="two",
        tasks=(*lender("other").tasks, *lender("another").tasks),
    )
    with Store(imported) as store:
        with pytest.raises(SpecError, match="has evidence for no task of the experiment"):
            execute_with(store, "theirs", two)
        with pytest.raises(SpecError, match="name a suite that does: --from SUITE"):
            execute_with(store, "theirs")


@pytest.mark.slow
def test_the_recorded_benchmark_judged_and_executed(
    shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch
) -> None:
    """+16.5 points judged; of 120 mutants 13 are killed without and 14 with the preamble."""
    need("javascript")
    examples = Path(__file__).resolve().parents[2] / "examples"
    shutil.copy(examples / "recorded_evidence.yaml", tmp_path)
    prompt = json.loads((shared_data / "mimir_prompts.json").read_text("utf-8"))["prompt"]
    module = prompt.split("```javascript\n")[1].split("```")[0]
    (tmp_path / "userValidator.js").write_text(module, "utf-8")
    with gzip.open(shared_data / "mimir_runs.jsonl.gz", "rb") as packed:
        (tmp_path / "runs.jsonl").write_bytes(packed.read())
    monkeypatch.chdir(tmp_path)
    with Store("r.db") as store:
        import_file(Path("runs.jsonl"), store)
    command = ["preamblelab", "evidence", "mimir-1", "--from", "recorded_evidence.yaml"]
    monkeypatch.setattr("sys.argv", [*command, "--store", "r.db", "--quiet"])
    with pytest.raises(SystemExit):
        main()
    said = " ".join(capsys.readouterr().out.split())
    assert "claudette-mini: +16.5 points of 100 judged; executed worth +0.8 points" in said
    with Store("r.db") as store:
        strict = store.evidence("mimir-1").query("mode == 'strict'")
        killed = strict.groupby("variant")["killed"].sum().to_dict()
    assert killed == {"baseline-no-instructions": 13, "claudette-mini": 14}
