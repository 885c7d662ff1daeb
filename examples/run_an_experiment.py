"""Run an experiment from its file; a second call asks only what is missing."""

import preamblelab as pl

experiment = pl.load_experiment("quickstart")
with pl.Store("quickstart.db") as store:
    pl.run(experiment, store)
    print(pl.analyze(store, "quickstart"))
