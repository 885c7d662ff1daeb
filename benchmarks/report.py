"""The page on a large store: how long it takes, how large it is, when a browser shows it."""

import hashlib
import itertools
import math
import random
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import preamblelab as pl
from benchmarks.bench import Bench
from benchmarks.measure import median, rounds, run
from benchmarks.table import Row, at_most, limit, not_measured

MODELS = tuple(zip("abcdefghij", (0.5, 1.5, 2.7, 3.8, 4.3, 7, 8, 14, 32, 70), strict=True))
VARIANTS = ("careful", "terse", "expert", "patient")
GAINS = {"baseline": 0.0, "careful": 9.0, "terse": -3.0, "expert": 4.0, "patient": 0.5}
REPETITIONS = 5
SENTENCE = (
    "the value of a test is what it would catch when the code is wrong so name each case first "
    "and check the limits then say which error you expect and why nothing else can happen"
)
READING = (
    "import sys, preamblelab as pl\n"
    "with pl.Store(sys.argv[1], read_only=True) as store:\n"
    "    print(len(store.scores('large')))\n"
)
PAINT = """() => new Promise(done => {
  const seen = performance.getEntriesByName('first-contentful-paint');
  if (seen.length) return done(seen[0].startTime);
  new PerformanceObserver(list => { for (const each of list.getEntriesByName(
    'first-contentful-paint')) done(each.startTime); }).observe({type: 'paint', buffered: true});
})"""
"""Milliseconds from the start of loading to the first text or picture."""


def simulated(path: Path, trials: int) -> None:
    """A store of so many simulated trials: 10 models, 5 arms, 5 repetitions, tasks as needed.

    Answers are drawn words; gains shrink as models grow, and one answer in a hundred loops.
    """
    tasks = trials // (len(MODELS) * (len(VARIANTS) + 1) * REPETITIONS)
    suite = pl.Suite.model_validate(
        {
            "name": "large",
            "tasks": [
                {"name": f"task-{n:04}", "category": ("coding", "reasoning", "safety")[n % 3],
                 "prompt": f"Write tests for module {n}."}
                for n in range(tasks)
            ],
        }
    )  # fmt: skip
    preambles = {
        name: pl.Preamble(name=name, version="1", text=f"You are {name}.") for name in VARIANTS
    }
    rubric = pl.load_rubric("coding")
    plan = pl.Experiment(
        name="large",
        question="Which of four preambles helps which of ten models?",
        models=tuple(
            pl.ModelSpec(name=f"sim-{name}", id=f"sim/{name}", parameters=f"{size}B", family="sim")
            for name, size in MODELS
        ),
        variants=VARIANTS,
        preambles=preambles,
        suite=suite,
        rubric=rubric,
        scorers=(),
        repetitions=REPETITIONS,
    )
    scorers = [_scorer(dimension.name) for dimension in rubric.dimensions]
    pl.run(plan, path, client=_answer, scorers=scorers)


def _answer(trial: pl.Trial) -> pl.Response:
    random_ = random.Random(f"{trial.model.name}/{trial.variant.label}/{trial.task.name}")
    size = float(str(trial.model.parameters).removesuffix("B"))
    task = random.Random(trial.task.name).gauss(0, 8)
    gain = GAINS[trial.variant.label] / (1 + math.log1p(size) / 2)
    again = random.Random(f"{trial.repetition}/{random_.random()}")
    points = 40 + 11 * math.log1p(size) + task + gain + random_.gauss(0, 4) + again.gauss(0, 7)
    words = " ".join(again.choices(SENTENCE.split(), k=90))
    looped = again.random() < 0.01
    return pl.Response(
        text=f"{min(max(points, 0.0), 100.0):.2f} {words}",
        status="looped" if looped else "ok",
        reason="the text repeats itself (line)" if looped else "",
        prompt_tokens=60,
        completion_tokens=130,
        seconds=0.4 + size**0.5 * again.uniform(0.5, 1.5),
        usd=size * 1e-5,
        route="custom",
    )


def _scorer(dimension: str) -> Any:
    shift = hashlib.blake2b(dimension.encode()).digest()[0] / 2560 - 0.05

    @pl.scorer(dimension=dimension, name=dimension)
    def share(_: pl.Task, response: pl.Response) -> float:
        return min(max(float(response.text.partition(" ")[0]) / 100 + shift, 0.0), 1.0)

    return share


def reports(bench: Bench) -> Iterator[Row]:
    """`preamblelab report -o` on 100,000 trials, beside reading its table of scores alone."""
    trials = 10_000 if bench.quick else 100_000
    folder = bench.fresh("report")
    store, page = folder / "large.db", folder / "large.html"
    simulated(store, trials)
    command = [sys.executable, "-m", "preamblelab", "report", "large"]
    costs = rounds(
        bench.rounds,
        ours=lambda: run([*command, "--store", store, "-o", page], folder=folder),
        reading=lambda: run([sys.executable, "-c", READING, store], folder=folder),
    )
    what = f"page on {trials:,} trials"
    ours, reading = (median(costs[name], "cpu_seconds") for name in ("ours", "reading"))
    yield limit(median(costs["ours"], "wall_seconds"), 20, "s", f"{what}, whole time")
    yield limit(ours, 20, "s", f"{what}, CPU")
    yield limit(median(costs["ours"], "peak_mb"), 1_000, "MB", f"{what}, peak memory")
    yield at_most(
        ours / reading, 4.0,
        what=f"{what}, CPU in proportion", ours=f"{ours:.1f} s", peer="reading its scores alone",
        theirs=f"{reading:.1f} s",
    )  # fmt: skip
    yield limit(page.stat().st_size / 1e6, 5, "MB", f"{what}, size")
    yield _painted(page, what)


def _painted(page: Path, what: str) -> Row:
    """First paint of a page in headless Chromium, the middle of five loads."""
    path = shutil.which("chromium")
    if path is None:
        return not_measured(f"{what}, first paint", "chromium", RuntimeError("no chromium"))
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu"]
        )
        times = []
        for _ in itertools.repeat(None, 5):
            context = browser.new_context(offline=True)
            tab = context.new_page()
            tab.goto(page.resolve().as_uri())
            times.append(tab.evaluate(PAINT) / 1e3)
            context.close()
        browser.close()
    return limit(sorted(times)[2], 2, "s", f"{what}, first paint in Chromium")
