"""The line of a run: no sum before it is known, no time left when nothing is left."""

import pytest

from preamblelab.report.progress import Progress, state_line


@pytest.mark.parametrize(
    ("done", "total", "told"),
    [
        (0, 0, "marking: 0 answers"),
        (10, 0, "marking: 10 answers"),
        (10, 4, "marking: 10 answers"),
        (10, 40, "marking: 10 of 40 answers | about 15 s left"),
        (40, 40, "marking: 40 of 40 answers"),
    ],
)
def test_the_state_is_told_as_far_as_it_is_known(done: int, total: int, told: str) -> None:
    progress = Progress(phase="marking")
    progress.marks.done, progress.marks.open = done, total
    assert state_line(progress, 5.0) == told
