"""Small experiments against a scripted server, for the tests of running and marking."""

from collections.abc import Sequence
from typing import Any

from preamblelab.domain.experiments import Experiment
from preamblelab.domain.models import ModelSpec
from preamblelab.domain.preambles import Preamble
from preamblelab.domain.rubrics import Criterion, Dimension, Rubric
from preamblelab.domain.tasks import Suite, Task
from preamblelab.execution.delivery import CANARY_USER
from preamblelab.scoring.scorers import scorer
from tests.engines.scripted_server import Asked, ScriptedServer

WARM_UP = "Say hello."
CAREFUL = (
    "You are a careful engineer. Before you write a line you name the edge cases, and after it you "
    "say which of them your code handles and which it does not."
)
RUBRIC = Rubric(
    name="two",
    dimensions=(
        Dimension(
            name="worth",
            points=60,
            criteria=(Criterion(points=40, text="Works"), Criterion(points=20, text="Is clear")),
        ),
        Dimension(name="depth", points=40),
    ),
)


@scorer(dimension="worth")
def worth(task: Task, response: Any) -> float:
    """Half the points for any answer."""
    return 0.5


@scorer(dimension="depth")
def depth(task: Task, response: Any) -> float:
    """All points for an answer that names edge cases."""
    return float("edge" in response.text)


OWN = (worth, depth)


def model(server: ScriptedServer, name: str, **fields: Any) -> ModelSpec:
    """A model of the server."""
    return ModelSpec(
        **{"id": f"openai/{name}", "name": name, "api_base": server.url, "size": "mid", **fields}
    )


def tasks(count: int) -> Suite:
    """So many tasks; the first of more are the same."""
    made = (Task(name=f"task-{n}", prompt=f"Solve problem {n}.") for n in range(count))
    return Suite(name="small", tasks=tuple(made))


def experiment(server: ScriptedServer, *, models: Sequence[ModelSpec] = (), **fields: Any) -> Any:
    """Two tasks, one model, one variant, unless said otherwise."""
    return Experiment(
        **{
            "name": "e",
            "models": tuple(models) or (model(server, "m"),),
            "variants": ("careful",),
            "preambles": {"careful": Preamble(name="careful", text=CAREFUL)},
            "suite": tasks(2),
            "rubric": RUBRIC,
            "scorers": (),
            "settings": {"max_tokens": 100},
            **fields,
        }
    )


def subjects(server: ScriptedServer) -> list[Asked]:
    """What the server was asked, probes and warm-ups apart."""
    return [asked for asked in server.asked if asked.user not in {CANARY_USER, WARM_UP}]
