"""Evidence of an answer that is tests: they run against the right module and its mutants."""

from dataclasses import dataclass, replace

from preamblelab.domain.evidence import TestsEvidence
from preamblelab.domain.evidence_records import Evidence, EvidenceMode, EvidencePair
from preamblelab.domain.tasks import Task
from preamblelab.scoring.evidence.extraction import extract
from preamblelab.scoring.evidence.kills import Layout, MutantText, details, judge, lay_out
from preamblelab.scoring.evidence.protocol import SuiteJob, SuiteRun, SuiteRunner
from preamblelab.scoring.evidence.python_mutants import NoMutmutError, auto_mutants
from preamblelab.scoring.sandbox import Pool


def execute_tests(task: Task, text: str, runner: SuiteRunner, pool: Pool) -> EvidencePair:
    """Run the tests of an answer in both modes; the second is the first where nothing was repaired.

    Args:
        task: with evidence of the kind `tests`.
        text: the answer.
        runner: of the task's language.
        pool: where programs run; it shows what the runner needs.
    """
    assert task.evidence is not None
    spec = task.evidence.tests
    assert spec is not None
    unavailable = runner.missing()
    if unavailable:
        return missing_pair("tests", unavailable, runner.label)
    module = task.files[spec.module]
    try:
        mutants = mutants_of(spec, module)
    except NoMutmutError as error:
        return missing_pair("tests", str(error), runner.label)
    execution = _Execution(task, spec, runner, pool, mutants)
    found = extract(text, spec.language, "tests")
    strict = execution.evidence(found.strict, "strict", ())
    repaired = runner.repair(pool, found.repaired, execution.job(found.repaired))
    repairs = (*found.repairs, *repaired.repairs)
    if repaired.code == found.strict:
        return EvidencePair(strict=strict, repaired=replace(strict, mode="repaired"))
    return EvidencePair(
        strict=strict, repaired=execution.evidence(repaired.code, "repaired", repairs)
    )


def mutants_of(spec: TestsEvidence, module: str) -> tuple[MutantText, ...]:
    """The mutants of a task, written out or made by a library.

    Raises:
        NoMutmutError: the library is not installed.
    """
    if spec.auto is not None:
        return auto_mutants(module, spec.auto)
    return tuple(MutantText(each.name, each.kind, each.of(module)) for each in spec.listed)


def missing_pair(kind: str, reason: str, runner: str) -> EvidencePair:
    """Evidence that nobody could make, in both modes."""
    strict = Evidence(
        kind="tests" if kind == "tests" else "code",
        mode="strict",
        status="missing",
        reason=" ".join(reason.split()),
        runner=runner,
    )
    return EvidencePair(strict=strict, repaired=replace(strict, mode="repaired"))


@dataclass(frozen=True, slots=True)
class _Execution:
    task: Task
    spec: TestsEvidence
    runner: SuiteRunner
    pool: Pool
    mutants: tuple[MutantText, ...]

    @property
    def layout(self) -> Layout:
        module = self.task.files[self.spec.module]
        return lay_out(module, self.mutants, self.runner.dead(module), self.task.name)

    def job(self, code: str) -> SuiteJob:
        return self._job(code, self.layout)

    def _job(self, code: str, layout: Layout) -> SuiteJob:
        files = {n: text for n, text in self.task.files.items() if n != self.spec.module}
        return SuiteJob(
            code=code,
            module=self.spec.module,
            versions=layout.versions,
            files=files,
            traced=0,
            seconds=self.spec.seconds,
            memory_bytes=self.spec.memory_mb * 2**20,
        )

    def evidence(self, code: str, mode: EvidenceMode, repairs: tuple[str, ...]) -> Evidence:
        base = Evidence(
            kind="tests",
            mode=mode,
            mutants=len(self.mutants),
            repairs=repairs,
            runner=self.runner.label,
        )
        if not code.strip():
            return replace(base, reason="there is no code in it")
        layout = self.layout
        run = self.runner.run(self.pool, self._job(code, layout))
        if run.parse_fault:
            return replace(base, reason=f"it does not parse: {run.parse_fault}")
        unusable = _unusable(run)
        if unusable:
            return replace(base, status="missing", reason=unusable, mutants=0)
        verdict = judge(run, layout)
        counted = verdict.counted
        passed = sum(test.passed for test in counted)
        there = placed(base, run)
        return replace(
            there,
            parses=True,
            loads=not verdict.load_fault,
            reason=f"it does not load: {verdict.load_fault}" if verdict.load_fault else "",
            tests=len(counted),
            passed=passed,
            failed=len(counted) - passed,
            killed=sum(bool(tests) for tests in verdict.killed.values()),
            line_share=run.line_share if not verdict.load_fault else 0.0,
            details=details(verdict, layout, run),
        )


def placed(base: Evidence, run: SuiteRun) -> Evidence:
    """The evidence with the place where it was made."""
    where = run.execution
    if where is None:
        return replace(base, seconds=round(run.seconds, 4))
    return replace(
        base,
        backend=where.backend,
        backend_version=where.backend_version,
        isolated=where.isolated,
        seconds=round(run.seconds, 4),
    )


def _unusable(run: SuiteRun) -> str:
    """Why nothing can be said, though the answer is not to blame."""
    if run.fault:
        return f"the runner could not begin: {run.fault}"
    if run.execution is not None and run.execution.status == "refused":
        return run.execution.reason
    return ""
