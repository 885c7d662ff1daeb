"""Lays out nameless versions of a module, and reads passes and kills out of what tests did there.

Only this file knows which version is right. The right module runs several times, at places that
are drawn: a test that fails by chance, by the clock, or by how many versions there were before is
caught when it fails on one of them. Two versions are not what they seem: on the *dead* one nothing
works, so a test that passes there tests nothing.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from preamblelab.domain.evidence import MutantKind
from preamblelab.scoring.evidence.protocol import SuiteRun, TestFacts, TestRun, VersionRun

MIDDLE_CONTROLS = 2
"""Right versions among the mutants, besides one at the beginning and one at the end."""


class MutantText(NamedTuple):
    """A wrong version of a module."""

    name: str
    kind: MutantKind
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Versions in the order in which they run, and what each is."""

    versions: tuple[str, ...]
    controls: tuple[int, ...]
    """Places of the right module; the first and the last version among them."""
    dead: int | None
    """Place of the version in which nothing works."""
    mutants: Mapping[int, MutantText]


def lay_out(module: str, mutants: Sequence[MutantText], dead: str | None, seed: str) -> Layout:
    """Versions of a module in an order that is drawn by `seed`.

    Args:
        module: the right text.
        mutants: wrong texts.
        dead: a text in which nothing works; None where there is none.
        seed: any text; the same gives the same order.
    """
    middle: list[MutantText | str | None] = [*mutants, *[module] * MIDDLE_CONTROLS]
    if dead is not None:
        middle.append(None)
    random.Random(f"versions/{seed}").shuffle(middle)  # noqa: S311 - not a secret of ours to keep
    order = [module, *middle, module]
    texts = [
        each.text if isinstance(each, MutantText) else each if each is not None else dead or ""
        for each in order
    ]
    return Layout(
        versions=tuple(texts),
        controls=tuple(place for place, each in enumerate(order) if isinstance(each, str)),
        dead=order.index(None) if dead is not None else None,
        mutants={p: each for p, each in enumerate(order) if isinstance(each, MutantText)},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TestVerdict:
    """One test after all versions have run."""

    __test__ = False

    name: str
    passed: bool
    """Whether it passed on every run of the right module."""
    why_not: str = ""
    """Why it does not count, in a few words; empty when it counts."""
    message: str = ""
    """What went wrong on the right module."""
    kills: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteVerdict:
    """What the tests of an answer are worth."""

    load_fault: str = ""
    """Why they could not be loaded beside the right module."""
    tests: tuple[TestVerdict, ...] = ()
    killed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Per mutant the tests that kill it; empty for a survivor."""

    @property
    def counted(self) -> tuple[TestVerdict, ...]:
        """The tests that count."""
        return tuple(test for test in self.tests if not test.why_not)


def judge(run: SuiteRun, layout: Layout) -> SuiteVerdict:
    """Passes and kills, from what the tests did on versions whose meaning only we know."""
    controls = [run.versions[place] for place in layout.controls]
    fault = next((each.load_fault for each in controls if each.load_fault), "")
    if fault:
        return SuiteVerdict(load_fault=fault)
    first = controls[0]
    if not first.tests:
        return SuiteVerdict(load_fault=first.reason or "no test was found in it")
    dead = _by_name(run.versions[layout.dead]) if layout.dead is not None else {}
    looked = {
        test.name: (
            any(each.replaces_module for each in _all(run, test.name)),
            any(each.inspects for each in _all(run, test.name)),
        )
        for test in first.tests
    }
    passing: dict[str, bool] = {}
    reasons: dict[str, str] = {}
    for test in first.tests:
        passing[test.name] = _passes_everywhere(test.name, controls)
        reasons[test.name] = _why_not(
            test, _facts(run, test.name), dead.get(test.name), *looked[test.name]
        )
    able = [name for name, passed in passing.items() if passed and not reasons[name]]
    killed = {
        mutant.name: tuple(_killers(run.versions[place], able))
        for place, mutant in layout.mutants.items()
    }
    return SuiteVerdict(
        tests=tuple(
            TestVerdict(
                name=test.name,
                passed=passing[test.name],
                why_not=reasons[test.name],
                message=_message(test.name, controls),
                kills=tuple(name for name, tests in killed.items() if test.name in tests),
            )
            for test in first.tests
        ),
        killed=killed,
    )


def _all(run: SuiteRun, name: str) -> list[TestRun]:
    return [test for version in run.versions for test in version.tests if test.name == name]


def _by_name(version: VersionRun) -> dict[str, TestRun]:
    return {test.name: test for test in version.tests}


def _facts(run: SuiteRun, name: str) -> TestFacts | None:
    return run.facts.get(name) or run.facts.get(name.partition("[")[0])


def _passes_everywhere(name: str, controls: Sequence[VersionRun]) -> bool:
    found = [_by_name(control).get(name) for control in controls]
    return all(test is not None and test.status == "passed" for test in found)


def _message(name: str, controls: Sequence[VersionRun]) -> str:
    found = [_by_name(control).get(name) for control in controls]
    for test in found:
        if test is not None and test.status not in {"passed", "skipped"}:
            return test.message or test.status
    missing = [control for control, test in zip(controls, found, strict=True) if test is None]
    return (missing[0].reason or "it did not run on every right module") if missing else ""


def _why_not(
    test: TestRun, facts: TestFacts | None, on_dead: TestRun | None, replaces: bool, inspects: bool
) -> str:
    """Why a test does not count; empty when it does."""
    if test.status == "skipped":
        return "skipped"
    if facts is not None and facts.assertions == 0:
        return "no assertion"
    if facts is not None and facts.duplicate_of:
        return f"copy of {facts.duplicate_of}"
    if replaces or (facts is not None and facts.replaces_module):
        return "replaces what it should test"
    if inspects:
        return "looks into the module's code"
    if on_dead is not None and on_dead.status == "passed":
        return "passes though nothing in the module works"
    return ""


def _killers(version: VersionRun, able: Sequence[str]) -> list[str]:
    """Tests that pass on the right module and fail on this version."""
    if version.load_fault:
        # The module itself breaks, so that no test can begin: whatever passed does so no more.
        return list(able)
    ran = _by_name(version)
    return [
        name for name in able if name in ran and ran[name].status in {"failed", "error", "timeout"}
    ]


def details(verdict: SuiteVerdict, layout: Layout, run: SuiteRun) -> dict[str, Any]:
    """The verdict as plain JSON values, for whoever wants to see every test and mutant."""
    tests = [
        {
            "name": test.name,
            "passed": test.passed,
            "counts": not test.why_not,
            "why_not": test.why_not,
            "message": test.message,
            "kills": list(test.kills),
        }
        for test in verdict.tests
    ]
    mutants = [
        {
            "name": mutant.name,
            "kind": mutant.kind,
            "killed": bool(verdict.killed.get(mutant.name)),
            "killed_by": list(verdict.killed.get(mutant.name, ())),
            "not_run": run.versions[place].reason if run.versions else "",
        }
        for place, mutant in sorted(layout.mutants.items(), key=lambda each: each[1].name)
    ]
    facts = [_facts(run, test.name) for test in verdict.counted]
    known = [each for each in facts if each is not None]
    return {
        "tests": tests,
        "mutants": mutants,
        "collected": len(tests),
        "asserted": {
            "errors": sum(each.errors for each in known),
            "messages": sum(each.messages for each in known),
            "fields": sum(each.fields for each in known),
        },
    }
