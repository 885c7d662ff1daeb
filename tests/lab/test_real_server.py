"""A run against a real llama.cpp server, which closes its connection after every answer."""

from pathlib import Path

from preamblelab.domain.experiments import Budget
from preamblelab.domain.models import ModelSpec
from preamblelab.lab.running import execute
from preamblelab.store import Store
from tests.engines.llama_server import serving
from tests.engines.tiny_gguf import write_gguf
from tests.lab.plans import OWN, experiment, tasks


def test_a_run_takes_one_call_for_each_trial_and_fits_a_budget_of_as_many(tmp_path: Path):
    with (
        serving(write_gguf(tmp_path / "tiny.gguf", seed=1), parallel=1) as engine,
        Store(tmp_path / "runs.db") as store,
    ):
        asked = ModelSpec(
            id=f"openai/{engine.alias}", name="tiny", api_base=engine.api_base, size="tiny"
        )
        plan = experiment(
            None,  # type: ignore[arg-type]  # the model is given
            models=(asked,),
            suite=tasks(3),
            repetitions=2,
            delivery=False,
            warm_up=False,
            budget=Budget(calls=12),
            settings={"max_tokens": 20, "temperature": 0.8},
        )
        outcome = execute(plan, store, scorers=OWN)
        assert outcome.complete
        assert outcome.tally.done == 12
        spend = store.spend()
        assert (spend.calls, spend.attempts) == (12, 12)
        keys = [trial.response_key for trial in store.trials("e")]
        assert {answer.attempts for _, answer in store.responses(keys)} == {1}
