"""A small module, its mutants, good tests of it, and a task about it, for the tests beside."""

from collections.abc import Sequence

from preamblelab.domain.tasks import Task

MODULE = '''"""Fees of parcels."""

LIMIT = 30


class TooHeavy(ValueError):
    """Carries the weight."""

    def __init__(self, weight):
        super().__init__(f"too heavy: {weight}")
        self.weight = weight


def fee(weight, express=False):
    if weight <= 0:
        raise ValueError("weight must be positive")
    if weight > LIMIT:
        raise TooHeavy(weight)
    base = 5 if weight <= 5 else 9
    return base * 2 if express else base
'''

MUTANTS = [
    {"name": "limit", "kind": "boundary", "replace": "weight > LIMIT", "by": "weight >= LIMIT"},
    {"name": "small", "kind": "boundary", "replace": "weight <= 5", "by": "weight < 5"},
    {"name": "express", "kind": "value", "replace": "base * 2", "by": "base * 3"},
    {"name": "text", "kind": "message", "replace": "weight must be positive", "by": "bad"},
    {"name": "carries", "kind": "field", "replace": "self.weight = weight", "by": "pass"},
]

TESTS = """
import pytest
from parcel import TooHeavy, fee


def test_small():
    assert fee(5) == 5


def test_limit():
    assert fee(30) == 9


def test_express():
    assert fee(1, express=True) == 10


@pytest.mark.parametrize("weight", [0, -1])
def test_not_positive(weight):
    with pytest.raises(ValueError, match="must be positive"):
        fee(weight)


def test_too_heavy():
    with pytest.raises(TooHeavy) as raised:
        fee(31)
    assert raised.value.weight == 31
"""


def fenced(code: str) -> str:
    """An answer that holds this code."""
    return f"Here are the tests.\n\n```python\n{code}\n```\n"


def task(mutants: object = MUTANTS, **fields: object) -> Task:
    """A task that asks for tests of the module."""
    return Task.model_validate(
        {
            "name": "parcel",
            "category": "coding",
            "prompt": "Write pytest tests for the module below.",
            "files": {"parcel.py": MODULE},
            "evidence": {
                "tests": {
                    "language": "python",
                    "module": "parcel.py",
                    "mutants": list(mutants) if isinstance(mutants, Sequence) else mutants,
                    "seconds": 2,
                    **fields,
                }
            },
        }
    )
