"""The `SuiteRunner` of JavaScript: one conversation for all versions, begun anew after a hang."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, cast

from preamblelab.domain.evidence import CodeLanguage
from preamblelab.scoring.evidence.javascript.program import bundled_versions, runner_program
from preamblelab.scoring.evidence.javascript.talk import (
    START_SECONDS,
    Change,
    Reading,
    SuiteTalk,
    Visit,
    VisitResult,
    stem_of,
)
from preamblelab.scoring.evidence.protocol import (
    Repaired,
    SuiteJob,
    SuiteRun,
    TestFacts,
    TestRun,
    TestStatus,
    VersionRun,
)
from preamblelab.scoring.sandbox import Execution, Limits, Pool
from preamblelab.scoring.sandbox.choice import runtime_label

VERSION: Final = 2
"""Raised whenever outcomes may change."""
MOST_PROCESSES: Final = 24
"""Each version that hangs costs two; what is left then has a reason and no tests."""
_CHANGES: Final[tuple[Change, ...]] = ("throw", "nothing", "disguise")


class JavaScriptTests:
    """Runs tests written for Jest, with Jest's own assertions, under node or deno."""

    @property
    def language(self) -> CodeLanguage:
        """JavaScript."""
        return "javascript"

    @property
    def label(self) -> str:
        """The runner, the assertions, and what runs JavaScript here: node or deno."""
        assertions = f"expect {bundled_versions()['expect']}"
        return f"preamblelab-js {VERSION}, {assertions}, {runtime_label('javascript')}"

    def missing(self) -> str:
        """Nothing: an interpreter that is not there is the sandbox's to tell."""
        return ""

    def read_only(self) -> Mapping[str, Path]:
        """No folders: everything comes by the channel."""
        return {}

    def dead(self, module: str) -> str | None:  # noqa: ARG002
        """None: the runner empties the module itself, in two ways, for what a job traces."""
        return None

    def parse_fault(self, pool: Pool, code: str) -> str:
        """Why the code is no program; empty when it is one, or when nothing could read it."""
        readings = _read(pool, code, "", "module")
        return (
            "" if not readings or readings[0].parses else readings[0].fault or "it cannot be read"
        )

    def repair(self, pool: Pool, code: str, job: SuiteJob) -> Repaired:
        """The code after small named repairs; nothing of it is run."""
        module = job.versions[0] if job.versions else ""
        readings = _read(pool, code, module, stem_of(job.module))
        if len(readings) < 2 or not readings[1].repairs:
            return Repaired(code=code)
        return Repaired(code=readings[1].code or code, repairs=readings[1].repairs)

    def run(self, pool: Pool, job: SuiteJob) -> SuiteRun:
        """Run the tests against every version, and against an emptied module in both ways."""
        return _Session(pool, job).run()


def _read(pool: Pool, code: str, module: str, stem: str) -> tuple[Reading, ...]:
    """The code read as it is and repaired; empty when there is nothing that reads JavaScript."""
    talk = SuiteTalk(
        code=code,
        module=module,
        stem=stem,
        files={},
        readings=(False, True),
        visits={},
        seconds=5.0,
    )
    pool.converse(runner_program(), talk, Limits(seconds=2 * START_SECONDS))
    return tuple(talk.readings)


@dataclass(slots=True)
class _Session:
    """One job: conversations until every version was run."""

    pool: Pool
    job: SuiteJob

    def run(self) -> SuiteRun:
        began = time.monotonic()
        visits = {
            number: Visit(source=text, quiet=number > 0)
            for number, text in enumerate(self.job.versions)
        }
        extra = len(visits)
        if self.job.traced is not None:
            traced = self.job.versions[self.job.traced]
            visits[extra] = Visit(source=traced, counted=True)
            for number, change in enumerate(_CHANGES, start=extra + 1):
                visits[number] = Visit(source=traced, change=change)
        results: dict[int, VisitResult] = {}
        execution: Execution | None = None
        skipped: list[int] = []
        waiting = list(visits)
        took: float | None = None
        snapshots = ""
        for _ in range(MOST_PROCESSES):
            talk = SuiteTalk(
                code=self.job.code,
                module=self.job.versions[0],
                stem=stem_of(self.job.module),
                files=self.job.files,
                readings=(False,),
                visits={number: visits[number] for number in waiting},
                seconds=self.job.seconds,
                snapshots=snapshots,
                first=took,
                skipped=skipped,
            )
            ended = self.pool.converse(runner_program(), talk, self._limits(len(waiting)))
            execution = execution or ended
            if not talk.readings:
                return SuiteRun(
                    fault=_reason(ended), execution=ended, seconds=time.monotonic() - began
                )
            if not talk.readings[0].parses:
                fault = talk.readings[0].fault
                return SuiteRun(
                    parse_fault=fault, execution=ended, seconds=time.monotonic() - began
                )
            if talk.readings[0].fault:
                fault = talk.readings[0].fault
                results = {number: VisitResult(done=True, load_fault=fault) for number in visits}
                break
            hanging = talk.unfinished(_reason(ended))
            if hanging is not None and visits[hanging].quiet:
                # Once more, to hear which test it was.
                visits[hanging] = replace(visits[hanging], quiet=False)
                del talk.results[hanging]
            took, skipped, snapshots = talk.first, talk.skipped, talk.snapshots
            if hanging == 0 and (place := talk.results[0].running) is not None:
                took, skipped = self.job.seconds, [*skipped, place]
            _given_up(talk.results, skipped)
            results |= talk.results
            waiting = [number for number in visits if number not in results]
            if not waiting:
                break
        for number in waiting if not all(number in results for number in visits) else ():
            results[number] = VisitResult(reason="the runner was lost too often before this")
        return self._gathered(results, execution, time.monotonic() - began)

    def _limits(self, versions: int) -> Limits:
        whole = START_SECONDS + self.job.seconds * (versions + 1)
        return Limits(seconds=whole, memory_bytes=self.job.memory_bytes, output_bytes=2**23)

    def _gathered(
        self, results: dict[int, VisitResult], execution: Execution | None, seconds: float
    ) -> SuiteRun:
        count = len(self.job.versions)
        traced = results.get(count)
        changed = [results[number] for number in range(count + 1, len(results))]
        idle = _idle(changed[:2])
        readers = _readers(traced, changed[2]) if traced and len(changed) > 2 else set()
        lines = traced.lines if traced and traced.names is not None else None
        return SuiteRun(
            facts=_facts(traced, idle) if traced else {},
            versions=tuple(_version(results[number], readers) for number in range(count)),
            line_share=lines[0] / lines[1] if lines and lines[1] > 0 else None,
            execution=execution,
            seconds=seconds,
        )


def _reason(ended: Execution) -> str:
    words = ended.reason or f"the runner ended with exit code {ended.exit_code}"
    return " ".join(words.split())[:300]


def _given_up(results: Mapping[int, VisitResult], skipped: Iterable[int]) -> None:
    """Tests that were left out because they hung on the first version hang on all others."""
    for number, result in results.items():
        for place in skipped if number else ():
            if place in result.tests:
                said = "it hung on the first version"
                result.tests[place] |= {"status": "timeout", "said": said}


def _status(result: VisitResult, place: int) -> TestStatus | None:
    if place in result.tests:
        return cast("TestStatus", result.tests[place]["status"])
    return "timeout" if place == result.running else None


def _unique(names: list[str]) -> list[str]:
    seen: dict[str, int] = {}
    made = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        made.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return made


def _version(result: VisitResult, readers: set[int]) -> VersionRun:
    if result.names is None:
        return VersionRun(load_fault=result.load_fault, reason=result.reason)
    tests = []
    for place, name in enumerate(_unique(result.names)):
        status = _status(result, place)
        if status is None:
            continue
        said = result.tests.get(place, {}).get("said", "")
        message = " ".join(str(said).split())[:300] if place in result.tests else result.reason
        tests.append(
            TestRun(
                name=name,
                status=status,
                message=message,
                replaces_module=result.mocked,
                inspects=place in readers,
            )
        )
    return VersionRun(tests=tuple(tests))


def _idle(hollow: list[VisitResult]) -> set[int]:
    """Places of tests that pass on both emptied modules: they test nothing of it."""
    if not hollow or any(result.names is None for result in hollow):
        return set()
    passing = [
        {place for place in result.tests if _status(result, place) == "passed"} for result in hollow
    ]
    return set.intersection(*passing)


def _readers(traced: VisitResult, disguised: VisitResult) -> set[int]:
    """Places of tests that fail on the same program with other text: they read it."""
    return {
        place
        for place in traced.tests
        if _status(traced, place) == "passed" and _status(disguised, place) != "passed"
    }


def _facts(traced: VisitResult, idle: set[int]) -> dict[str, TestFacts]:
    names = _unique(traced.names or [])
    facts = {}
    for place, said in enumerate(traced.facts[: len(names)]):
        copy = said.get("copy")
        ran = traced.tests.get(place, {})
        made = ran.get("assertions") if ran.get("status") == "passed" else said.get("assertions")
        facts[names[place]] = TestFacts(
            assertions=0 if place in idle else _count(made),
            duplicate_of=names[copy] if isinstance(copy, int) and 0 <= copy < place else "",
            replaces_module=traced.mocked,
            errors=_count(said.get("errors")),
            messages=_count(said.get("messages")),
            fields=_count(said.get("fields")),
        )
    return facts


def _count(value: object) -> int:
    return value if isinstance(value, int) and 0 <= value < 10_000 else 0
