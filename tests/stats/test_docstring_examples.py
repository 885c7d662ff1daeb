"""The examples in the docstrings run and print what they say."""

import doctest
import importlib

import pytest

MODULES = (
    "preamblelab.stats.agreement",
    "preamblelab.stats.boundaries",
    "preamblelab.stats.factors",
    "preamblelab.stats.looks",
    "preamblelab.stats.reliability",
    "preamblelab.stats.segments",
    "preamblelab.stats.simulate",
    "preamblelab.stats.tiers",
    "preamblelab.stats.wins",
    "preamblelab.decision.choosing",
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_of(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted > 0
    assert result.failed == 0
