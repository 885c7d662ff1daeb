"""A CSV of somebody else's runs is enough: no store, no model."""

from pathlib import Path

import preamblelab as pl

rows = [
    f"their-model,{arm},task-{task},1,{50 + 3 * task + gain * (task % 3)}"
    for task in range(8)
    for arm, gain in (("baseline", 0), ("new", 6))
]
Path("scores.csv").write_text("model,variant,task,repetition,score\n" + "\n".join(rows))
print(pl.verdicts(pl.effects(pl.read_scores("scores.csv")))["reason"][0])
