"""Scores with a known truth: do the intervals hold it, and what would be read naively?"""

import preamblelab as pl

held, draws = 0, 40
for seed in range(draws):
    scores = pl.simulate_scores(models={"m": 60.0}, tasks=15, effect=4.0, seed=seed)
    truth = scores.attrs["truth"]["effects"]["preamble"]["m"]
    row = pl.effects(scores).iloc[0]
    held += bool(row["low"] <= truth <= row["high"])
print(f"{held} of {draws} intervals hold the truth")

nothing = pl.simulate_scores(models=12, tasks=3, repetitions=2, repetition_sd=20.0, effect=0.0)
print(pl.segment_effects(nothing)[["tier", "effect", "naive_effect", "coupling"]].round(1))
