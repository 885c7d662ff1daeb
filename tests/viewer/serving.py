"""A viewer in a thread, and stores to look at."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from preamblelab.domain.evidence_records import Evidence
from preamblelab.domain.models import ModelSpec
from preamblelab.domain.records import Rating, Request, Response
from preamblelab.store import MarkRow, PlannedTrial, RatingRow, Store
from preamblelab.store.executing import EvidenceRow
from preamblelab.viewer.guarding import Guard
from preamblelab.viewer.server import Viewer

HOSTILE = (
    "<script>window.ran = 1</script><img src=x onerror='window.ran = 2'>"
    "<a href=\"javascript:window.ran = 3\">a</a></td></table>\"'><svg onload='window.ran = 4'>"
    "\x1b[31mred\x1b[0m \u202eturned\u202c \x9b31m\ud800\0 &lt; =1+1"
)
"""What a model may write to whoever looks at its answer."""


EVIDENCE = Evidence(
    kind="tests", mode="strict", parses=True, loads=True, tests=2, passed=1, failed=1, mutants=1,
    killed=0, runner="pytest", backend="bubblewrap",
    details={
        "tests": [{"name": "test_limit", "outcome": "failed", "message": HOSTILE}],
        "mutants": [{"name": "limit-30", "killed": False}],
    },
)  # fmt: skip
"""What came of running the last but one answer of model `b`."""


@contextmanager
def serving(store: Path) -> Iterator[Guard]:
    """A viewer on a store, with its addresses, as long as the block runs."""
    ready, done = threading.Event(), threading.Event()
    told: list[Any] = []

    async def run() -> None:
        async with Viewer(store) as viewer:
            told.append(viewer.guard)
            ready.set()
            await asyncio.to_thread(done.wait)

    def work() -> None:
        try:
            asyncio.run(run())
        except BaseException as error:
            told.append(error)
            raise
        finally:
            ready.set()

    thread = threading.Thread(target=work, name="viewer")
    thread.start()
    try:
        assert ready.wait(30)
        assert isinstance(told[0], Guard), told
        yield told[0]
    finally:
        done.set()
        thread.join(30)


def fill(store: Store, name: str = "e", *, gain: float = 12.0, tasks: int = 70) -> None:
    """Two models, a baseline and a variant; the last task of model `b` has hostile texts."""
    rows, trials, marks, ratings = [], [], [], []
    for model in ("a", "b"):
        spec = ModelSpec(id=f"openai/{model}", name=model)
        for task in range(tasks):
            for variant in ("baseline", "careful"):
                hostile = model == "b" and task == tasks - 1
                text = HOSTILE if hostile else f"answer of {model}\nto task {task}\n{variant}"
                system = ({"role": "system", "content": text},) if variant == "careful" else ()
                request = Request(
                    model=spec, messages=(*system, {"role": "user", "content": f"{name} {task}"})
                )
                looped = model == "a" and task == 3
                rows.append(
                    (
                        request,
                        Response(
                            text=text, status="looped" if looped else "ok",
                            seconds=1.0 + task / 100, reason=text if hostile else "",
                            completion_tokens=task, usd=0.001,
                            flags=("swapped_model",) if task == 5 else (),
                            served_model=text if hostile else None,
                        ),
                    )
                )  # fmt: skip
                trials.append(
                    PlannedTrial(
                        ordinal=len(trials), model=model, size="mid", variant=variant,
                        task=f"t{task}", task_digest=f"d{task}", response_key=request.key,
                    )
                )  # fmt: skip
                points = 40 + (task * 7) % 30 + (gain + task % 4 if variant != "baseline" else 0)
                marks.append(
                    MarkRow(
                        response_key=request.key, task_digest=f"d{task}", marking="m",
                        dimension="all", points=points, maximum=100.0,
                    )
                )  # fmt: skip
                quote = (text if hostile else "the judge's words",)
                rating = Rating(scorer="judge/j", dimension="all", criterion=0, points=points,
                                evidence=quote)  # fmt: skip
                ratings.append(RatingRow(response_key=request.key, mark_key="k", rating=rating))
    question = f"Does it help {HOSTILE[:30]}?"
    document = {"name": name, "question": question, "baseline": "baseline"}
    document |= {"variants": ["careful"], "models": [
        {"id": f"openai/{model}", "name": model} for model in ("a", "b")
    ]}  # fmt: skip
    rubric = {"name": "r", "dimensions": [{"name": "all", "points": 100, "criteria": [
        {"text": "Names every edge case", "points": 100}
    ]}]}  # fmt: skip
    store.put(rows)
    store.register(name, digest="d", document=document, trials=trials, plan_digest=name)
    store.set_marking(name, "m", {"mark_keys": ["k"], "rubric": rubric})
    store.put_marks(marks)
    store.put_ratings(ratings)
    store.put_evidence([EvidenceRow(rows[-3][1].output_hash, f"d{tasks - 2}", EVIDENCE)])
