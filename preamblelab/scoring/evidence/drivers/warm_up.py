"""Runs in the sandbox before any version: tests of nothing, so that pytest has run once."""
# ruff: noqa: D101, D102, D103

from collections.abc import Callable

import pytest

TIMES = range(8)
"""Python looks closer at code that has run so often."""


class WarmError(ValueError):
    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


def refuse(code: str) -> None:
    raise WarmError(f"there is trouble: {code}", code)


@pytest.fixture
def numbers() -> list[int]:
    return [1, 2, 3]


def passing() -> Callable[[list[int]], None]:
    def test(numbers: list[int]) -> None:
        with pytest.raises(WarmError, match="trouble: a") as caught:
            refuse("a")
        assert (caught.value.code, numbers) == ("a", [1, 2, 3])

    return test


def failing() -> Callable[[], None]:
    def test() -> None:
        refuse("b")

    return test


for each in TIMES:
    globals()[f"test_passes_{each}"] = passing()
    globals()[f"test_fails_{each}"] = failing()


@pytest.mark.parametrize("number", TIMES)
def test_with_parameters(number: int, numbers: list[int]) -> None:
    assert number in numbers, "told"


class TestOfClass:
    def test_numbers(self, numbers: list[int]) -> None:
        assert numbers == [1, 2, 3]
