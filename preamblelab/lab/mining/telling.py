"""What a command prints of a search for cases."""

import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from preamblelab.domain.base import NAME_PATTERN
from preamblelab.domain.tasks import Task
from preamblelab.errors import SpecError
from preamblelab.lab.mining.cases import ROLES
from preamblelab.lab.mining.eligible import Sizes
from preamblelab.lab.mining.mine import Mined, mine
from preamblelab.report.escaping import for_terminal
from preamblelab.report.layout import Grid, Section, as_text, counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A search for cases in words."""

    mined: Mined

    @property
    def tasks(self) -> tuple[Task, ...]:
        """The cases."""
        return self.mined.tasks

    @property
    def nothing(self) -> str:
        """One line for a search that found nothing: the commonest reason, and what to try."""
        mined = self.mined
        why = next(iter(mined.refused or mined.not_of_role), "there are no commits")
        return (
            f"no cases in {mined.considered} commits of {mined.repository} (most often: {why}); "
            "nothing was written. Try a larger span, other roles, or larger changes (--max-files, "
            "--max-lines)"
        )

    def __str__(self) -> str:
        mined = self.mined
        span = f"{mined.considered} commits of {mined.repository} up to {mined.tip[:12]}"
        lines = [f"{span}: {mined.eligible} can become cases."]
        if mined.files:
            roles = ", ".join(f"{count} {role}" for role, count in mined.found.items())
            files = ", ".join(map(str, mined.files))
            lines.append(f"Written to {files}: {counted(len(mined.tasks), 'case')} ({roles})")
        sections = [Section(title="Cases from commits", lines=tuple(map(for_terminal, lines)))]
        if mined.refused:
            sections.append(_reasons("Commits that can become none", "commits", mined.refused))
        if mined.not_of_role:
            sections.append(_reasons("No case of a role", "commits", mined.not_of_role))
        return as_text(sections)

    def to_json(self) -> str:
        """The counts, and the names of the cases."""
        mined = self.mined
        data = {
            "repository": mined.repository,
            "tip": mined.tip,
            "considered": mined.considered,
            "eligible": mined.eligible,
            "refused": mined.refused,
            "not_of_role": mined.not_of_role,
            "found": mined.found,
            "files": [str(file) for file in mined.files],
            "cases": [task.name for task in mined.tasks],
        }
        return json.dumps(data, indent=2) + "\n"


def mined(
    repository: Path,
    *,
    roles: Sequence[str] | None,
    since: str | None,
    revision: str,
    most: int,
    sizes: tuple[int, int],
    name: str,
    file: Path | None,
) -> Told:
    """Make cases as `mine` does, telling of each on standard error."""
    if not re.fullmatch(NAME_PATTERN, name):
        raise SpecError(f"--name '{name[:60]}': letters, digits, '.', '_' and '-' make a name")
    return Told(
        mined=mine(
            repository,
            roles=[role for role in ROLES if not roles or role in roles],
            since=since,
            revision=revision,
            most=most,
            sizes=Sizes(*sizes),
            name=name,
            file=file,
            told=lambda line: print(for_terminal(line), file=sys.stderr),
        )
    )


def _reasons(title: str, noun: str, counts: dict[str, int]) -> Section:
    rows = tuple((reason, str(count)) for reason, count in counts.items())
    grid = Grid(columns=("reason", noun), rows=rows, right=frozenset({noun}))
    return Section(title=title, grid=grid)
