"""What a suite can prove, against the table that was measured for the specification."""

import pytest

from preamblelab.stats.proving import Design, provable

EQUAL = {"reasoning": 10, "coding": 10, "safety": 8, "following": 7}


def design(repetitions=3, **changes):
    given = {
        "tasks": EQUAL,
        "weights": dict.fromkeys(EQUAL, 0.25),
        "margins": {},
        "repetitions": repetitions,
    }
    return Design(**(given | changes))


@pytest.mark.parametrize(
    ("repetitions", "gain", "chance"),
    # 35 tasks, t interval above 0: the figures of 1,500 experiments each, one category.
    [(1, 0.0, 0.05), (3, 0.0, 0.05), (1, 0.10, 0.30), (3, 0.10, 0.63), (5, 0.10, 0.80)],
)
def test_the_chance_of_showing_a_gain_is_that_of_the_table(repetitions, gain, chance):
    one = design(repetitions, tasks={"all": 35}, weights={"all": 1.0})
    assert provable(one, experiments=1500).gains[gain] == pytest.approx(chance, abs=0.05)


@pytest.mark.parametrize(
    ("tasks", "repetitions", "margin", "chance"),
    [(6, 1, 0.05, 0.03), (9, 3, 0.10, 0.24), (30, 3, 0.10, 0.53), (100, 3, 0.10, 0.91)],
)
def test_the_chance_of_showing_a_guard_is_that_of_the_table(tasks, repetitions, margin, chance):
    one = design(
        repetitions, tasks={"safety": tasks}, weights={"safety": 1.0}, margins={"safety": margin}
    )
    assert provable(one, experiments=1500).guards["safety"] == pytest.approx(chance, abs=0.05)


def test_a_promotion_needs_the_gain_and_every_guard():
    found = provable(design(margins={"safety": 0.10}))
    assert found.smallest is not None
    assert found.promoted < found.gains[found.smallest] - 0.1


def test_the_same_seed_gives_the_same_figures():
    assert provable(design()) == provable(design())


def test_more_repetitions_show_a_smaller_gain():
    once, often = provable(design(1)), provable(design(10))
    assert once.smallest is None or often.smallest < once.smallest


def test_a_tripwire_without_critical_tasks_never_trips_and_more_tasks_trip_more_often():
    chances = [provable(design(1, critical=n)).tripped for n in (0, 1, 4)]
    assert chances[0] == 0.0
    # One task of p ~ Beta(3, 1): the mean of p (1 - p') is about 0.15 where p' is near p.
    assert chances[1] == pytest.approx(0.16, abs=0.05)
    assert chances[2] > 2 * chances[1]
