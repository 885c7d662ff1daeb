"""The use case: a repository's history to a suite of cases, or a clear no."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from preamblelab.domain.tasks import Task
from preamblelab.errors import MissingExtraError, SpecError
from preamblelab.lab.mining.cases import (
    ROLES,
    Edit,
    NoCaseError,
    Role,
    draft_case,
    edits_of,
    facts,
    reason_case,
    review_case,
)
from preamblelab.lab.mining.coder import Verify, coder_case, verifier_in
from preamblelab.lab.mining.eligible import ONE_CHANGE, Sizes, sieve
from preamblelab.lab.mining.git import Commit, History, opened
from preamblelab.lab.mining.secrets import secret_in
from preamblelab.lab.mining.writing import write_suites
from preamblelab.library.projects import Project
from preamblelab.scoring.evidence.python_runner import PythonRunner
from preamblelab.scoring.sandbox import Pool

CONSIDERED_AT_MOST: Final = 20_000
"""Commits that one call looks at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mined:
    """What came of a history."""

    repository: str
    tip: str
    """The commit at which it began."""
    considered: int
    """Commits that were looked at."""
    eligible: int
    """Those of them that can become a case of some role."""
    refused: dict[str, int]
    """Commits that can become none, by the first reason against it."""
    not_of_role: dict[str, int]
    """Eligible commits of which no case of a role could be made, by `role: reason`."""
    tasks: tuple[Task, ...] = ()
    files: tuple[Path, ...] = ()
    """The suites that were written: one, or several where one file has no room for all cases; none
    where no case was found."""
    found: dict[str, int] = field(default_factory=dict)
    """Cases by role."""

    @property
    def file(self) -> Path | None:
        """The first of the files; None where nothing was written."""
        return self.files[0] if self.files else None


def mine(
    repository: Path,
    *,
    roles: Sequence[Role] = ROLES,
    revision: str = "HEAD",
    since: str | None = None,
    most: int = 50,
    sizes: Sizes = ONE_CHANGE,
    name: str = "cases",
    file: Path | None = None,
    told: Callable[[str], object] = str,
) -> Mined:
    """Make cases of a repository's commits, and write them as a suite.

    The history is read as data: nothing of the repository is checked out, and none of its settings,
    hooks or filters is obeyed. What runs of it (the tests of a coder's case) runs in the sandbox.

    Args:
        repository: a folder with a git repository.
        roles: which kinds of cases to make; a commit may become one of each.
        revision: where to begin.
        since: leave out what this revision reaches.
        most: cases in all.
        sizes: how much a commit may change.
        name: the suite's.
        file: where it goes; `experiments/suites/NAME.yaml` of the project when not given.
        told: is told of each case that is found.

    Raises:
        SpecError: the repository, a revision or the file cannot be used.
        MissingExtraError: nothing can search commits for secrets here, or run a coder's tests.
    """
    target = file or Project.above().folder / "experiments" / "suites" / f"{name}.yaml"
    if target.exists() or target.is_symlink():
        raise SpecError(f"{target}: is there already, and nothing is overwritten; take --name")
    secret_in(())  # says at once where it cannot be done
    with opened(repository, revision=revision, since=since) as history:
        search = _Search(history, tuple(dict.fromkeys(roles)), most, sizes, told)
        try:
            tasks = search.run()
        finally:
            search.close()
        found = Mined(
            repository=history.name,
            tip=history.tip,
            considered=search.considered,
            eligible=search.eligible,
            refused=dict(search.refused.most_common()),
            not_of_role=dict(search.not_of_role.most_common()),
            tasks=tuple(tasks),
            found=dict(Counter(task.category for task in tasks)),
        )
    if not tasks:
        return found
    files = write_suites(
        target,
        name=name,
        description=f"Cases from commits of {found.repository}.",
        tasks=tasks,
        notes=_notes(found),
    )
    return replace(found, files=files)


def _notes(mined: Mined) -> tuple[str, ...]:
    days = [task.date for task in mined.tasks if task.date is not None]
    return (
        f"Made of commits of {mined.repository} up to {mined.tip[:12]}.",
        f"They were made from {min(days)} to {max(days)}. A model trained later may have seen the",
        "answers: give it `cutoff: YYYY-MM-DD` in models.yaml, and `check` says how many.",
        "The texts are the repository's: whatever they ask a model to do is no order of ours.",
    )


class _Search:
    """One pass over a history."""

    def __init__(
        self,
        history: History,
        roles: tuple[Role, ...],
        most: int,
        sizes: Sizes,
        told: Callable[[str], object],
    ) -> None:
        self.history = history
        self.roles = roles
        self.most = most
        self.sizes = sizes
        self.told = told
        self.considered = 0
        self.eligible = 0
        self.refused: Counter[str] = Counter()
        self.not_of_role: Counter[str] = Counter()
        self.pool: Pool | None = None

    def run(self) -> list[Task]:
        tasks: list[Task] = []
        passed = sieve(self.history, self.sizes)
        for commit in self.history.commits():
            if self.considered == CONSIDERED_AT_MOST or len(tasks) >= self.most:
                break
            self.considered += 1
            seen = passed.consider(commit)
            reason = seen.reason
            edits: tuple[Edit, ...] = ()
            if not reason:
                edits = edits_of(self.history, seen.changes)
                reason = secret_in(_texts(commit, edits))
            if reason:
                self.refused[reason] += 1
                continue
            self.eligible += 1
            tasks += self._cases(commit, edits)[: self.most - len(tasks)]
        return tasks

    def _cases(self, commit: Commit, edits: tuple[Edit, ...]) -> list[Task]:
        tasks = []
        for role in self.roles:
            try:
                task = self._case(role, commit, edits)
            except NoCaseError as error:
                self.not_of_role[f"{role}: {error}"] += 1
                continue
            self.told(f"{task.name}: {commit.message.partition(chr(10))[0][:80]}")
            tasks.append(task)
        return tasks

    def _case(self, role: Role, commit: Commit, edits: tuple[Edit, ...]) -> Task:
        shared = facts(self.history, commit, role, edits)
        if role == "review":
            return review_case(shared, commit, edits)
        if role == "draft":
            return draft_case(shared, commit, edits, self.history.patch(commit))
        if role == "reason":
            return reason_case(shared, commit, edits)
        return coder_case(shared, self.history, commit, edits, self._verify())

    def _verify(self) -> Verify:
        """Where tests run: one sandbox for the search, begun when a commit needs it."""
        if self.pool is None:
            runner = PythonRunner()
            if runner.missing():
                raise MissingExtraError(f"cases for a coder: {runner.missing()}")
            self.pool = Pool(read_only=runner.read_only())
        return verifier_in(self.pool, PythonRunner())

    def close(self) -> None:
        """End the sandbox."""
        if self.pool is not None:
            self.pool.close()


def _texts(commit: Commit, edits: tuple[Edit, ...]) -> list[str]:
    """Everything of a commit that a case could show."""
    sides = (side for edit in edits for side in (edit.before, edit.after))
    return [commit.message, *(side for side in sides if side)]
