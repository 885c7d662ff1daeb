"""From a commit to a case: what is asked, how an answer is checked, a right and a wrong answer."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final, Literal

from preamblelab.domain.tasks import Task
from preamblelab.domain.verifiers import Contains, Exact, ExpectedFinding, Findings, Regex
from preamblelab.lab.mining.eligible import is_fix, is_test, severity_of, task_text
from preamblelab.lab.mining.git import Change, Commit, History
from preamblelab.lab.mining.places import (
    functions_at,
    numbered,
    python_functions,
    touched,
    window,
)

Role = Literal["coder", "review", "draft", "reason"]
ROLES: Final[tuple[Role, ...]] = ("coder", "review", "draft", "reason")

MOST_SHOWN: Final = 300
"""Lines of one file that a case shows."""
LONGEST_DIFF: Final = 20_000
"""Characters of a diff that a case shows."""
FEWEST_FUNCTIONS: Final = 4
"""Functions that a file must have, for finding one of them to be a question."""
LONGEST_SUBJECT: Final = 72
_CODE: Final = frozenset(
    {
        ".c", ".cc", ".cjs", ".clj", ".cpp", ".cs", ".ex", ".go", ".h", ".hpp", ".java", ".js",
        ".jsx", ".kt", ".lua", ".mjs", ".php", ".py", ".rb", ".rs", ".scala", ".sh", ".swift",
        ".ts", ".tsx",
    }
)  # fmt: skip
_WORD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{4,}")
_COMMON: Final = frozenset(
    {
        "about", "after", "again", "allow", "avoid", "because", "before", "class", "could", "every",
        "false", "first", "fixes", "function", "handle", "import", "input", "instead", "least",
        "lines", "method", "never", "object", "other", "output", "print", "raise", "return",
        "returns", "shall", "should", "since", "still", "string", "their", "there", "these",
        "thing", "tests", "using", "value", "where", "which", "while", "without", "would", "write",
    }
)  # fmt: skip


class NoCaseError(Exception):
    """No case of this role can be made of a commit; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One file before and after a commit."""

    path: str
    before: str | None
    after: str | None


def edits_of(history: History, changes: tuple[Change, ...]) -> tuple[Edit, ...]:
    """The texts of the changed files."""
    return tuple(
        Edit(
            path=change.path,
            before=_text(history, change.before),
            after=_text(history, change.after),
        )
        for change in changes
    )


def _text(history: History, identity: str | None) -> str | None:
    content = history.blob(identity) if identity else None
    return None if content is None else content.decode("utf-8", "replace")


def facts(history: History, commit: Commit, role: Role, edits: tuple[Edit, ...]) -> dict[str, Any]:
    """What every case of a commit says, whatever its role."""
    main = max(edits, key=lambda edit: len(edit.after or edit.before or "")).path
    return {
        "name": f"{commit.id[:12]}-{role}",
        "category": role,
        "severity": severity_of(commit.message),
        "date": commit.day,
        # Commits to one file are not independent evidence; those to others are taken to be.
        "cluster": f"{history.name}:{main}",
        "source": f"commit {commit.id[:12]} of {history.name}, {commit.day.isoformat()}",
    }


def review_case(shared: Mapping[str, Any], commit: Commit, edits: tuple[Edit, ...]) -> Task:
    """The state before a fix as a change to review: the expected finding is what the fix touched.

    Raises:
        NoCaseError: the commit mends nothing, or its lines cannot be shown together.
    """
    if not is_fix(commit.message):
        raise NoCaseError("the commit does not say that it mends something")
    files: dict[str, str] = {}
    expected: list[ExpectedFinding] = []
    for edit in _code_edits(edits):
        places = touched(edit.before or "", edit.after or "")
        shown = window(edit.before or "", places, most=MOST_SHOWN) if places else None
        if shown is None:
            raise NoCaseError(f"its lines lie more than {MOST_SHOWN} apart")
        files[edit.path] = numbered(edit.before or "", shown)
        expected += [
            ExpectedFinding(file=edit.path, first=place.first, last=place.last) for place in places
        ]
    finding = {
        "file": expected[0].file,
        "line": expected[0].first,
        "severity": "high",
        "problem": task_text(commit.message).partition("\n")[0],
    }
    return Task(
        **shared,
        prompt=(
            "Review this code. Report what is wrong with it, and nothing else, as a JSON list with "
            "an object for each finding: `file`, `line` (its number, as shown before the bar), "
            "`severity` (`low`, `medium`, `high` or `critical`) and `problem` (one sentence). "
            "Report at most three findings, the gravest first. Matters of taste are no findings."
        ),
        files=files,
        verify=(Findings(expected=tuple(expected), most=3),),
        golden=json.dumps([finding]),
        wrong="[]",
    )


def draft_case(
    shared: Mapping[str, Any], commit: Commit, edits: tuple[Edit, ...], patch: str
) -> Task:
    """The commit's message, to be written from its diff.

    Raises:
        NoCaseError: the diff is too long, or the commit's own message would not pass.
    """
    if len(patch) > LONGEST_DIFF:
        raise NoCaseError(f"a diff of more than {LONGEST_DIFF:,} characters")
    message = task_text(commit.message)
    subject = message.partition("\n")[0].rstrip()
    words = _telling_words(edits)
    mentioned = [word for word in words if word.casefold() in subject.casefold()]
    if len(subject) > LONGEST_SUBJECT or subject.endswith(".") or not mentioned:
        raise NoCaseError("its own message is no model: too long, or it names nothing it changed")
    return Task(
        **shared,
        prompt=(
            "Write the commit message for the diff below: a subject of at most "
            f"{LONGEST_SUBJECT} characters that names what is changed, without a full stop at its "
            "end, and below an empty line a body if one is needed. Reply with the message only."
        ),
        files={"change.diff": patch},
        verify=(
            Regex(pattern=rf"\A[^\n]{{10,{LONGEST_SUBJECT - 1}}}[^\n.](\n\n|\n?\Z)"),
            Contains(any_of=tuple(mentioned[:20])),
        ),
        golden=message,
        wrong="Update code.",
    )


def reason_case(shared: Mapping[str, Any], commit: Commit, edits: tuple[Edit, ...]) -> Task:
    """The function in which a fault lies, to be found from the words of its fix.

    Raises:
        NoCaseError: it is no fix of one Python function, or the words give it away.
    """
    if not is_fix(commit.message):
        raise NoCaseError("the commit does not say that it mends something")
    code = _code_edits(edits)
    if len(code) != 1 or not code[0].path.endswith(".py"):
        raise NoCaseError("not one Python file")
    before = code[0].before or ""
    places = touched(before, code[0].after or "")
    try:
        names, known = functions_at(before, places), python_functions(before)
    except SyntaxError:
        raise NoCaseError("no Python that can be read") from None
    if len(names) != 1 or "" in names or len(known) < FEWEST_FUNCTIONS:
        raise NoCaseError(f"not one function of at least {FEWEST_FUNCTIONS}")
    name = names.pop()
    short = name.rpartition(".")[2]
    message = task_text(commit.message)
    if re.search(rf"\b{re.escape(short)}\b", message):
        raise NoCaseError("its message names the function")
    if len(before.splitlines()) > 2 * MOST_SHOWN:
        raise NoCaseError(f"a file of more than {2 * MOST_SHOWN} lines")
    others = sorted(other for other in known if other != name)
    alone = [other for other in known if other.rpartition(".")[2] == short]
    answers = [name, f"{name}()"] + ([short, f"{short}()"] if len(alone) == 1 else [])
    return Task(
        **shared,
        prompt=(
            f"This was fixed in the file below:\n\n{message}\n\nIn which function or method lay "
            "the cause? Explain in two sentences and end with a line `Answer: NAME`, a method as "
            "`Class.method`."
        ),
        files={code[0].path: before},
        verify=(Exact(answer=tuple(dict.fromkeys(answers)), read="answer"),),
        golden=f"The lines that the fix changes lie there.\n\nAnswer: {name}",
        wrong=f"It is most likely the first one.\n\nAnswer: {others[0]}",
    )


def _code_edits(edits: tuple[Edit, ...]) -> list[Edit]:
    """Files of code, no tests, that were there before and are there after."""
    found = [
        edit
        for edit in edits
        if PurePosixPath(edit.path).suffix in _CODE
        and not is_test(edit.path)
        and edit.before is not None
        and edit.after is not None
    ]
    if not found:
        raise NoCaseError("no file of code is there before and after")
    return found


def _telling_words(edits: tuple[Edit, ...]) -> list[str]:
    """Words of changed lines and names of changed files: what a message can name."""
    words: dict[str, None] = {}
    for edit in edits:
        words[PurePosixPath(edit.path).stem] = None
        old = set((edit.before or "").splitlines())
        new = set((edit.after or "").splitlines())
        for line in sorted(old ^ new):
            words |= dict.fromkeys(_WORD.findall(line))
    return [word for word in words if len(word) > 3 and word.casefold() not in _COMMON]
