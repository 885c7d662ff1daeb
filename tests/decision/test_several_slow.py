"""Five challengers that are no better, at once: how often any of them is promoted by luck.

Without Holm about one experiment in five would promote somebody. The figures are printed in
docs/decisions.md, as simulated.
"""

import random
from dataclasses import replace

import numpy as np
import pytest

from preamblelab.decision.candidates import PreambleRules, judge_candidates
from preamblelab.decision.gate import decide
from preamblelab.decision.panel import panel_of
from preamblelab.decision.roles import decide_role
from preamblelab.domain.models import ModelSpec
from preamblelab.domain.registry import Holder
from preamblelab.domain.roles import RolePolicy
from tests.decision import gates, test_roles
from tests.decision.test_candidates import table

FIVE = 5
NAMES = tuple(f"equal-{n}" for n in range(FIVE))


def gate_promotes(seed: int, *, shared: bool = True) -> bool:
    """Five equal models against one champion, 35 tasks asked three times, right or wrong."""
    draw = np.random.default_rng(seed)
    planned, repetitions = gates.tasks(), 3
    p = {task.name: draw.beta(3, 1) for task in planned}
    heterogeneity = 0.10

    def answers(holder: Holder):
        own = {
            name: np.clip(value + draw.normal(0, heterogeneity), 0, 1) for name, value in p.items()
        }
        return gates.rows_of(
            holder, planned, lambda _, task, __: float(draw.random() < own[task]), repetitions
        )

    champion = answers(gates.CHAMPION)
    rules = gates.policy(repetitions=repetitions)
    bare = gates.observed(lambda *_: 0.5, lambda *_: 0.5, planned=planned, repetitions=repetitions)
    for name in NAMES:
        holder = Holder.of_model(ModelSpec(id=f"openai/{name}", name=name))
        made = replace(
            bare,
            challenger=holder,
            rows=(*champion, *answers(holder)),
            among=FIVE if shared else 1,
        )
        if decide(made, rules).outcome == "promote":
            return True
    return False


def role_promotes(seed: int) -> bool:
    """Five equal models against one incumbent, on 60 cases asked once."""
    draw = random.Random(seed)
    chance = [draw.betavariate(3, 1) for _ in range(60)]

    def accepted() -> list[float]:
        return [float(draw.random() < p) for p in chance]

    incumbent = accepted()
    candidates = [
        (test_roles.observed(accepted(), incumbent, name=name), test_roles.standing(name))
        for name in NAMES
    ]
    found = decide_role(candidates, RolePolicy())
    return any(each.outcome == "promote" for each in found)


def panel_promotes(seed: int) -> bool:
    """Five preambles without any effect against none, on four models and 35 tasks."""
    scores = table(dict.fromkeys(NAMES, 0.0), variants=NAMES, tasks=35, seed=seed)
    judged = judge_candidates(panel_of(scores), list(NAMES), PreambleRules())
    return any(each.outcome == "promote" for each in judged)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("promotes", "experiments"),
    [(gate_promotes, 400), (role_promotes, 200), (panel_promotes, 400)],
)
def test_any_of_five_equal_challengers_is_promoted_in_five_percent_at_most(promotes, experiments):
    share = sum(promotes(seed) for seed in range(experiments)) / experiments
    # Two standard errors of a share of 5 % over that many experiments.
    assert share <= 0.05 + 2 * (0.05 * 0.95 / experiments) ** 0.5


@pytest.mark.slow
def test_without_the_shared_error_it_would_be_several_times_that():
    """The test above can fail: it does so without `among`."""
    share = sum(gate_promotes(seed, shared=False) for seed in range(150)) / 150
    assert share > 0.10
