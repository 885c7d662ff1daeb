"""Evidence of an answer that is a module written anew: tests of somebody else run against it.

The golden answer runs beside it. A test that does not pass there tells nothing of the answer, so
that the evidence is then missing.
"""

from dataclasses import dataclass, replace
from typing import Any

from preamblelab.domain.evidence import ChangeEvidence
from preamblelab.domain.evidence_records import Evidence, EvidenceMode, EvidencePair
from preamblelab.domain.tasks import Task
from preamblelab.scoring.evidence.executing_tests import missing_pair, placed
from preamblelab.scoring.evidence.extraction import extract
from preamblelab.scoring.evidence.protocol import SuiteJob, SuiteRun, SuiteRunner, VersionRun
from preamblelab.scoring.sandbox import Pool


def execute_change(task: Task, text: str, runner: SuiteRunner, pool: Pool) -> EvidencePair:
    """Run a task's hidden tests against the module of an answer, in both modes.

    Args:
        task: with evidence of the kind `change`.
        text: the answer.
        runner: of the task's language.
        pool: where programs run; it shows what the runner needs.
    """
    assert task.evidence is not None
    assert task.golden is not None
    spec = task.evidence.change
    assert spec is not None
    unavailable = runner.missing()
    if unavailable:
        return missing_pair("code", unavailable, runner.label)
    golden = extract(task.golden, spec.language, "code").repaired
    found = extract(text, spec.language, "code")
    execution = _Execution(spec, runner, pool, golden)
    strict = execution.evidence(found.strict, "strict", ())
    if found.repaired == found.strict:
        return EvidencePair(strict=strict, repaired=replace(strict, mode="repaired"))
    repaired = execution.evidence(found.repaired, "repaired", found.repairs)
    return EvidencePair(strict=strict, repaired=repaired)


def run_versions(
    spec: ChangeEvidence, versions: tuple[str, ...], runner: SuiteRunner, pool: Pool
) -> SuiteRun:
    """Run the hidden tests against some texts of the module, in their order."""
    job = SuiteJob(
        code=spec.tests,
        module=spec.module,
        versions=versions,
        files=spec.files,
        seconds=spec.seconds,
        memory_bytes=spec.memory_mb * 2**20,
    )
    return runner.run(pool, job)


def passed(run: VersionRun) -> frozenset[str]:
    """Names of the tests that passed on one version."""
    return frozenset(test.name for test in run.tests if test.status == "passed")


@dataclass(frozen=True, slots=True)
class _Execution:
    spec: ChangeEvidence
    runner: SuiteRunner
    pool: Pool
    golden: str

    def evidence(self, code: str, mode: EvidenceMode, repairs: tuple[str, ...]) -> Evidence:
        wanted = (*self.spec.must_pass, *self.spec.still_pass)
        base = Evidence(
            kind="code", mode=mode, tests=len(wanted), failed=len(wanted), repairs=repairs,
            runner=self.runner.label,
        )  # fmt: skip
        if not code.strip():
            return replace(base, reason="there is no code in it")
        fault = self.runner.parse_fault(self.pool, code)
        if fault:
            return replace(base, reason=f"it does not parse: {fault}")
        run = run_versions(self.spec, (self.golden, code), self.runner, self.pool)
        broken = _unusable(run, wanted)
        if broken:
            return replace(base, status="missing", reason=broken, tests=0, failed=0)
        answer = run.versions[1]
        good = passed(answer) & set(wanted)
        fault = answer.load_fault or answer.reason
        return replace(
            placed(base, run),
            parses=True,
            loads=not fault,
            reason=f"it does not load: {fault}" if fault else "",
            passed=len(good),
            failed=len(wanted) - len(good),
            details=_details(self.spec, answer, good),
        )


def _unusable(run: SuiteRun, wanted: tuple[str, ...]) -> str:
    """Why nothing can be said, though the answer is not to blame."""
    if run.fault:
        return f"the runner could not begin: {run.fault}"
    if run.parse_fault:
        return f"the case's own tests do not parse: {run.parse_fault}"
    if run.execution is not None and run.execution.status == "refused":
        return run.execution.reason
    if len(run.versions) < 2:
        return "the tests did not run"
    lost = [name for name in wanted if name not in passed(run.versions[0])]
    if lost:
        return f"the case's own test '{lost[0]}' fails on its golden answer here"
    return ""


def _details(spec: ChangeEvidence, answer: VersionRun, good: frozenset[str]) -> dict[str, Any]:
    messages = {test.name: test.message for test in answer.tests}
    late = sum(test.status == "timeout" for test in answer.tests)
    wanted = len(spec.must_pass) + len(spec.still_pass)
    return {
        "calls": wanted,
        "within_limits": wanted - late,
        "tests": [
            {
                "name": name,
                "passed": name in good,
                "message": messages.get(name, "it did not run"),
                "counts": True,
            }
            for name in (*spec.must_pass, *spec.still_pass)
        ],
    }
