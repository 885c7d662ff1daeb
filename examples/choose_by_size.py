"""Which variant should a model get that was never tested? From its size, or none at all."""

import preamblelab as pl

scores = pl.simulate_scores(
    models={"tiny-1b": 30.0, "small-2b": 35.0, "mid-7b": 60.0, "large-70b": 85.0},
    sizes={"tiny-1b": "tiny", "small-2b": "tiny", "mid-7b": "mid", "large-70b": "large"},
    effect={"tiny-1b": 14.0, "small-2b": 12.0, "mid-7b": 5.0},
    seed=1,
)
sizes = scores[["model", "size"]].drop_duplicates()
for billions in (1.5, 7.0, 30.0):
    print(billions, pl.choose_preamble(pl.effects(scores), sizes, new_size_b=billions))
