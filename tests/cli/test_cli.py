"""What a user types, sees on each stream, and gets as exit code."""

import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

import preamblelab as pl
from preamblelab import testing
from preamblelab.cli import main
from preamblelab.lab import usecases

ROOT = Path(__file__).resolve().parent.parent.parent
HEAVY = {"litellm", "dspy", "pandas", "numpy", "scipy", "aiohttp"}


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """The command line in this process: importing pandas once for each command is dear."""
    out, err = io.StringIO(), io.StringIO()
    given, before, sys.argv = sys.argv, Path.cwd(), ["preamblelab", *arguments]
    os.chdir(folder)
    try:
        with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as left:
            main()
    finally:
        os.chdir(before)
        sys.argv = given
    code = left.value.code
    return subprocess.CompletedProcess(
        arguments, code if isinstance(code, int) else 0, out.getvalue(), err.getvalue()
    )


@pytest.fixture(scope="module")
def measured(tmp_path_factory) -> Path:
    """A folder with a store in which an experiment is finished; no model was asked."""
    folder = tmp_path_factory.mktemp("measured")

    def answer(trial: pl.Trial) -> str:
        tests = 2 if trial.variant.label == "baseline" else 4
        cases = range(tests + trial.repetition % 2)
        body = "\n".join(f"def test_{n}():\n    assert add({n}, 1) == {n + 1}\n" for n in cases)
        return f"First the limits, because they break.\n\n```python\n{body}```"

    pl.compare(
        "Think first, then write complete tests.",
        models=["openai/small-4b", "openai/large-70b"],
        store=folder / "preamblelab.db",
        client=testing.answers(answer, answer),
    )
    return folder


def test_report_prints_the_result_and_nothing_else_on_standard_output(measured):
    done = run("report", folder=measured)
    assert done.returncode == 0
    assert done.stderr == ""
    assert "openai/small-4b" in done.stdout
    assert "Verdict on text-" in done.stdout


@pytest.mark.parametrize("form", ["text", "md", "csv", "json"])
def test_report_in_every_format(measured, form):
    done = run("report", "--format", form, folder=measured)
    assert done.returncode == 0
    if form == "json":
        data = json.loads(done.stdout)
        assert {row["model"] for row in data["models"]} == {"openai/small-4b", "openai/large-70b"}
        assert data["models"][0]["delivery"] == "unknown"
    if form == "md":
        assert "| model |" in done.stdout
    if form == "csv":
        assert done.stdout.startswith("model,size,variant,")


def test_the_sizes_come_from_the_names(measured):
    rows = json.loads(run("report", "--format", "json", folder=measured).stdout)["models"]
    assert {row["model"]: row["size"] for row in rows} == {
        "openai/small-4b": "mid",
        "openai/large-70b": "large",
    }


def test_a_csv_of_somebody_elses_runs_is_enough(tmp_path):
    rows = ["model,preamble,task,repetition,score"]
    rows += [
        f"NA,{arm},{task},1,{40 + task + gain}"
        for task in range(8)
        for arm, gain in (("baseline", 0), ("new", 10 + task % 3))
    ]
    (tmp_path / "scores.csv").write_text("\n".join(rows) + "\n")
    done = run("report", "scores.csv", "--format", "json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)["models"]
    assert row["model"] == "NA"
    assert row["verdict"] == "better"
    assert done.stderr == ""


def test_power_and_choose_speak_and_print_json(measured):
    told = run("power", folder=measured)
    assert "5 tasks x 3 repetitions" in told.stdout
    assert json.loads(run("power", "--format", "json", folder=measured).stdout)["designs"]
    rows = json.loads(run("choose", "--format", "json", folder=measured).stdout)
    assert [row["model"] for row in rows] == ["openai/small-4b", "openai/large-70b"]
    assert all(row["tested"] for row in rows)


def test_describe_tells_every_fact_with_its_source(tmp_path):
    done = run(
        "models", "describe", "ollama_chat/qwen3:30b-a3b", "openai/gpt-4o", "--format", "json",
        folder=tmp_path,
    )  # fmt: skip
    first, second = json.loads(done.stdout)
    assert first["size"] == "large"
    assert first["total_b"] == pytest.approx(30.5, rel=0.15)
    assert first["active_b"] == pytest.approx(3.3, rel=0.15)
    assert first["family"] == "qwen"
    assert first["sources"]["total_b"] in {"name", "table"}
    assert second["size"] == "unknown"
    assert second["total_b"] is None
    assert second["sources"]["size"] == "unknown"


def test_init_writes_a_project_that_checks(tmp_path):
    assert run("init", folder=tmp_path).returncode == 0
    done = run("check", "quickstart", "--format", "json", folder=tmp_path)
    data = json.loads(done.stdout)
    assert data["trials"] == 225
    assert data["misses"] == 225
    assert data["usd"] == 0.0
    assert not (tmp_path / "preamblelab.db").exists(), "check must not make a store"
    again = run("init", folder=tmp_path)
    assert again.returncode == 1
    assert len(again.stderr.splitlines()) == 1


def test_every_schema_can_be_printed(tmp_path):
    for kind in ("experiment", "preamble", "rubric", "suite", "models", "policy", "gate"):
        done = run("schema", kind, folder=tmp_path)
        assert json.loads(done.stdout)["$schema"].startswith("https://json-schema.org/")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run", "nothing"], "no experiment named 'nothing'"),
        (["report", "--store", "absent.db"], "absent.db"),
        (["report", "absent.csv"], "absent.csv"),
        (["compare", "no-such-preamble", "-m", "sim/mid-4b"], "no-such-preamble"),
        (["compare", "Two words.", "-m", "ollama/gemma3:4b"], "ollama_chat/gemma3:4b"),
        (["compare", "Two words.", "-m", "sim/mid-4b", "--suite", "nope"], "nope"),
        (["compare", "Two words.", "-m", "sim/mid-4b", "--rubric", "nope"], "nope"),
        (["power", "--spread", "task"], "task=6"),
        (["schema"], "name a kind"),
        (["import", "absent.jsonl"], "absent.jsonl"),
    ],
)
def test_a_mistake_is_one_line_that_says_what_and_exit_code_1(tmp_path, arguments, says):
    done = run(*arguments, folder=tmp_path)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert says in done.stderr


def test_wrong_usage_is_exit_code_2(tmp_path):
    assert run("run", folder=tmp_path).returncode == 2
    assert run("report", "--format", "pdf", folder=tmp_path).returncode == 2


def test_a_file_that_is_no_store_is_refused_and_left_alone(tmp_path):
    (tmp_path / "letter.db").write_text("Dear Sir or Madam,")
    done = run("report", "--store", "letter.db", folder=tmp_path)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert (tmp_path / "letter.db").read_text() == "Dear Sir or Madam,"


@pytest.mark.slow
def test_a_reader_that_goes_away_ends_nothing_badly(measured):
    line = f"{sys.executable} -m preamblelab report | head -1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", line],
        cwd=measured,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert done.stdout.startswith("compare-text-")


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["--version"]])
def test_help_loads_nothing_heavy(arguments, tmp_path):
    program = (
        "import sys\nfrom preamblelab.cli import main\n"
        f"sys.argv = ['preamblelab', *{arguments!r}]\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(sorted(set(sys.modules) & " + repr(HEAVY) + "), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stderr.strip() == "[]"
    assert done.stdout


def test_list_shows_names_and_runs(measured):
    assert "smoke" in run("list", "suites", folder=measured).stdout
    assert "sim-mid-4b" in run("list", "models", folder=measured).stdout
    (entry,) = json.loads(run("list", "runs", "--format", "json", folder=measured).stdout)
    assert entry["trials"] == entry["answered"] == 60


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("gemma3:4b", "ollama_chat/gemma3:4b"),
        ("sim-mid-4c", "did you mean 'sim-mid-4b'"),
        ("foo/bar", "litellm knows no provider 'foo'"),
        ("sim/mid-4c", "no simulated model 'sim/mid-4c'; known: "),
    ],
)
def test_a_model_that_nobody_serves_is_refused_before_anything_is_asked(tmp_path, model, says):
    done = run("compare", "Two words.", "-m", model, "--quiet", folder=tmp_path)
    assert done.returncode == 1
    assert done.stdout == ""
    assert says in done.stderr


def test_a_text_of_one_word_needs_a_name_and_can_be_given_one(tmp_path):
    assert "--name" in run("compare", "Think", "-m", "sim/mid-4b", folder=tmp_path).stderr
    experiment = usecases.preamble_of("Think", "think")
    assert (experiment.name, experiment.text) == ("think", "Think")
    done = run("compare", "Think", "--name", "a name", "-m", "sim/mid-4b", folder=tmp_path)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_scorer_that_crashes_is_said_and_is_no_success(measured):
    (measured / "broken_scorer.py").write_text(
        "import preamblelab as pl\n\n\n@pl.scorer(dimension='code_quality')\n"
        "def boom(task, response):\n    raise ValueError('oops')\n"
    )
    (name,) = (row["name"] for row in json.loads(
        run("list", "runs", "--format", "json", folder=measured).stdout))  # fmt: skip
    done = run(
        "score", name, "--scorer", "text", "--scorer", "broken_scorer:boom", "--quiet",
        "--store", "preamblelab.db", folder=measured,
    )  # fmt: skip
    assert done.returncode == 1
    assert "broken_scorer:boom" in done.stderr
    assert "ValueError: oops" in done.stderr


def test_shares_need_a_scale_and_arms_a_baseline(tmp_path):
    rows = ["model,variant,task,score"]
    rows += [f"m,{arm},{task},{0.4 + task / 40 + gain}" for task in range(8)
             for arm, gain in (("old", 0.0), ("new", 0.1 + task % 3 / 100))]  # fmt: skip
    (tmp_path / "shares.csv").write_text("\n".join(rows) + "\n")
    refused = run("report", "shares.csv", folder=tmp_path)
    assert refused.returncode == 1
    assert "shares.csv" in refused.stderr
    unnamed = run("report", "shares.csv", "--scale", "100", folder=tmp_path)
    assert "old" in unnamed.stderr
    done = run(
        "report", "shares.csv", "--scale", "100", "--baseline", "old", "--format", "json",
        folder=tmp_path,
    )  # fmt: skip
    (row,) = json.loads(done.stdout)["models"]
    assert row["effect"] == pytest.approx(10.875)
    assert row["verdict"] == "better"


def test_a_short_probe_sharpens_the_choice_for_an_untested_model(tmp_path):
    def table(models: dict[str, float], tasks: int) -> str:
        rows = ["model,variant,task,repetition,score"]
        for model, gain in models.items():
            for task in range(tasks):
                rows.append(f"{model},baseline,{task},1,{50 + task % 5}")
                rows.append(f"{model},new,{task},1,{50 + task % 5 + gain + task % 3}")
        return "\n".join(rows) + "\n"

    (tmp_path / "tested.csv").write_text(table({"a/x-7b": 8, "a/y-8b": 10, "a/z-4b": 9}, 12))
    (tmp_path / "probe.csv").write_text(table({"new/w-7b": -12}, 8))
    arguments = ["choose", "tested.csv", "-m", "new/w-7b", "--format", "json"]
    (before,) = json.loads(run(*arguments, folder=tmp_path).stdout)
    (after,) = json.loads(run(*arguments, "--probe", "probe.csv", folder=tmp_path).stdout)
    assert before["variant"] == "new"
    assert after["variant"] is None
    missing = run("choose", "tested.csv", "-m", "b/c", "--probe", "probe.csv", folder=tmp_path)
    assert "did not ask 'b/c'" in missing.stderr
