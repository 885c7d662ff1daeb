"""What a language's test runner is given and gives back; a runner fulfils `SuiteRunner`.

For whoever writes a runner
---------------------------
Our side extracts one text of tests from the answer, shuffles *versions* of the module under test
(the right one several times, and each mutant) and hands them over without saying which is which.
The runner runs the tests once against every version and reports what each test did. It must treat
all versions alike; kills are worked out by our side (`kills.py`) from the differences.

1. `versions` reach the sandbox so that the tests cannot compare them: the same file name, the same
   path, one version at a time, with nothing left over from the one before (files, processes,
   loaded modules). Where the runtime allows it the source is not readable at all.
2. What a program prints, its exit code and the runner's own report on the screen are not used.
   Outcomes come over the sandbox's channel (`Pool` with a `Talk`, see `sandbox/calls.py`), each
   line under a nonce that was drawn for this execution. A line that does not carry it is noise.
3. A test that never ends costs the version that test, not the others: status `timeout` for it,
   and nothing for the tests behind it. A killed runner: the versions that were not run have a
   `reason` and no tests. Never raise for what the tests do.
4. `label` names all versions that decide outcomes (`jest-expect 29.7.0, node 20.20.2`); evidence
   under another label is made anew, so change it whenever outcomes may change.
5. `repair` is pure and runs nothing. It tries the repairs that make the code parse, load or find
   the module, returns the code and their names, in order, and returns the code unchanged with no
   names when there is nothing to repair. It must never add, remove or change an assertion, except
   that one test that cannot be parsed may be dropped (`one test dropped`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from preamblelab.domain.evidence import CodeLanguage
from preamblelab.scoring.sandbox import Execution, Pool

TestStatus = Literal["passed", "failed", "error", "skipped", "timeout"]
"""`failed`: an assertion or an error in the test itself; `error`: in what prepares or cleans it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteJob:
    """One text of tests, and the versions of the module that it runs against."""

    code: str
    """The tests as one text."""
    module: str
    """Name of the module's file, `parcel.py`: where the tests look for it."""
    versions: tuple[str, ...]
    """Texts of the module; the right one several times and the mutants, in an order that says
    nothing. The first is always right: what hangs there may be left out of all others, and the
    time it takes may set the time that they get."""
    files: Mapping[str, str] = field(default_factory=dict)
    """The task's other files, by name."""
    traced: int | None = None
    """Place of the version for which lines are counted, in a run of its own; None for none."""
    seconds: float = 5.0
    """Wall time of all tests against one version."""
    memory_bytes: int = 512 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class TestFacts:
    """What the text of one test shows, without running it."""

    __test__ = False

    assertions: int = 0
    """Assertions of any kind, error assertions included; 0 makes it an empty test."""
    duplicate_of: str = ""
    """Name of the earlier test with the same body; empty when there is none."""
    replaces_module: bool = False
    """Whether it mocks, patches or replaces what it should test."""
    errors: int = 0
    """Assertions that an error is raised (`pytest.raises`, `toThrow`, `.rejects`)."""
    messages: int = 0
    """Assertions on the text of an error."""
    fields: int = 0
    """Assertions on other data of an error (its code, its field)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TestRun:
    """What one test did on one version."""

    __test__ = False

    name: str
    """Unique within the suite; the same on every version."""
    status: TestStatus
    message: str = ""
    """First line of what went wrong, at most 300 characters."""
    replaces_module: bool = False
    """Whether it was seen to replace a part of the module while it ran."""
    inspects: bool = False
    """Whether it was seen to look into the module's code instead of calling it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionRun:
    """What all tests did on one version."""

    tests: tuple[TestRun, ...] = ()
    load_fault: str = ""
    """Why the tests could not be loaded, in one line; empty when they were."""
    reason: str = ""
    """Why there is nothing, though the tests are not to blame for it alone: the runner was killed,
    a limit was reached. Empty when the version was run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteRun:
    """What came of one job."""

    parse_fault: str = ""
    """Why the tests are no program at all, in one line; nothing was run then."""
    facts: Mapping[str, TestFacts] = field(default_factory=dict)
    """By name of the test, as in `TestRun`; a parametrised test may have facts under the name
    before its first `[`."""
    versions: tuple[VersionRun, ...] = ()
    """In the order of `SuiteJob.versions`; empty when nothing was run."""
    line_share: float | None = None
    """Lines of the traced version that were run, of those that can be; None where not known."""
    execution: Execution | None = None
    """One of the executions, for its place; `refused` when the sandbox failed. None when nothing
    had to be run."""
    fault: str = ""
    """Why the runner itself could not begin, in one line: the evidence is then missing, not bad."""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Repaired:
    """Code after repairs."""

    code: str
    repairs: tuple[str, ...] = ()


class SuiteRunner(Protocol):
    """Runs tests of one language."""

    @property
    def language(self) -> CodeLanguage:
        """The language of the tests and of the module."""
        ...

    @property
    def label(self) -> str:
        """Names and versions of all that decides outcomes, for the record."""
        ...

    def missing(self) -> str:
        """What has to be installed, as one line with the command; empty when nothing is missing."""
        ...

    def read_only(self) -> Mapping[str, Path]:
        """Host folders that the sandbox has to show, by their path inside (see `Pool`)."""
        ...

    def dead(self, module: str) -> str | None:
        """The module with the body of every function replaced by an error that no test expects.

        A test that passes on it does not depend on the module: it does not count. None where this
        cannot be made; such tests are then not found out.
        """
        ...

    def parse_fault(self, pool: Pool, code: str) -> str:
        """Why the code does not parse, in one line; empty when it does. Runs nothing of it."""
        ...

    def repair(self, pool: Pool, code: str, job: SuiteJob) -> Repaired:
        """The code after small named repairs; `job` tells module and files."""
        ...

    def run(self, pool: Pool, job: SuiteJob) -> SuiteRun:
        """Run the tests against every version; never raises for what they do."""
        ...
