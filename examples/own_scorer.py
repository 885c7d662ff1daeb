"""A scorer of your own: a function from task and answer to a share from 0 to 1."""

import preamblelab as pl


@pl.scorer(dimension="code_quality")
def no_placeholders(task: pl.Task, response: pl.Response) -> float:  # noqa: ARG001
    """1 when nothing is left to do in the answer."""
    return 0.0 if "TODO" in response.text else 1.0


report = pl.compare("Leave nothing to do.", models=["sim/mid-4b"], repetitions=1)
print(pl.score(report.experiment, scorers=[no_placeholders]))
