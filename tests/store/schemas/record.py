"""Records a store of the newest schema version as SQL, for later migrations to start from.

Run it once when a version is released, from the project's root:
`python tests/store/schemas/record.py > tests/store/schemas/vN.sql`
"""

import importlib.util
import sys
import tempfile
from pathlib import Path
from types import ModuleType

from preamblelab.domain.evidence_records import Evidence
from preamblelab.domain.facts import ModelFacts
from preamblelab.domain.records import Rating, Response
from preamblelab.domain.steps import Climb, Step
from preamblelab.store import Delivery, EvidenceRow, RatingRow, Store
from preamblelab.store.schema import APPLICATION_ID, MIGRATIONS


def builders() -> ModuleType:
    """The builders of the tests beside this folder."""
    place = Path(__file__).parent.parent / "conftest.py"
    spec = importlib.util.spec_from_file_location("store_builders", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def fill(store: Store) -> None:
    """A row of every kind."""
    made = builders()
    texts = ("plain", "half \ud800", "nul \0")
    store.put([(made.request(n), Response(text=text)) for n, text in enumerate(texts)])
    store.put([(made.request(3), Response(status="failed", reason="rate: 429"))])
    made.register(store, 4, "recorded")
    store.set_marking("recorded", "m", {"mark_keys": ["k"]})
    rating = Rating(scorer="text", dimension="code", points=30.0, evidence=("seen",))
    store.put_ratings([RatingRow(response_key=made.request(0).key, mark_key="k", rating=rating)])
    store.put_marks([*made.marks(0), *made.marks(1, code=0.0), *made.marks(2, code=None)])
    store.put_delivery(
        "recorded", [Delivery(model="mid", variant="careful", state="undelivered", reasons=("r",))]
    )
    store.put_look_plan("recorded", {"n_tasks": 4}, marking="m", answered=0)
    store.put_facts("sim/mid", "sim", ModelFacts(model="sim/mid", size="mid"))
    evidence = Evidence(
        kind="tests", mode="strict", parses=True, loads=True, tests=2, passed=1, failed=1,
        mutants=3, killed=2, line_share=0.5, repairs=("x",), runner="pytest 9",
        details={"tests": [{"name": "test_a"}]},
    )  # fmt: skip
    output = Response(text=texts[0]).output_hash
    store.put_evidence([EvidenceRow(output, made.trial(0).task_digest, evidence)])
    steps = (Step(level="preamble", word="looped", key="a"), Step(level="none", word="ok"))
    store.put_climb(Climb(ladder="preamble", name="c", subject="sim/mid", steps=steps))
    store.put_report("recorded", store.fingerprint("recorded"), "# Report")


def main() -> None:
    """Print the store as SQL."""
    with tempfile.TemporaryDirectory() as folder:
        with Store(Path(folder) / "runs.db", clock=lambda: "2026-01-01T00:00:00.000000Z") as store:
            fill(store)
            with store._reading("record") as connection:
                lines = [
                    f"PRAGMA application_id = {APPLICATION_ID};",
                    f"PRAGMA user_version = {len(MIGRATIONS)};",
                    *connection.iterdump(),
                ]
        sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
