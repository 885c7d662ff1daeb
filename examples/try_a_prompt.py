"""Does this system prompt help these models? Runs offline, with simulated models."""

import preamblelab as pl

report = pl.compare(
    "You are a careful engineer. Name the edge cases first, then write complete tests.",
    models=["sim/mid-4b", "sim/large-70b"],
    suite="smoke",
    repetitions=2,
)
print(report)
