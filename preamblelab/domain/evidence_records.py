"""What came of running one answer, as it is stored and shown."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

EvidenceMode = Literal["strict", "repaired"]
"""`strict`: as the model wrote it; `repaired`: after small repairs, each of which has a name."""
MODES: Final[tuple[EvidenceMode, ...]] = ("strict", "repaired")

EvidenceKind = Literal["tests", "code"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What came of running one answer in one mode."""

    kind: EvidenceKind
    mode: EvidenceMode
    status: Literal["ok", "missing"] = "ok"
    """`missing`: nothing could be run, for `reason`; that is no fault of the answer."""
    reason: str = ""
    """Why it is missing; where it is not, why the answer does not parse or load, in one line."""
    parses: bool = False
    loads: bool = False
    """Whether it could be loaded: tests beside the right module, and at least one of them found;
    code by itself."""
    tests: int = 0
    """Tests that count: not empty, no copy of another, not replacing what they test. For code,
    cases and examples of properties."""
    passed: int = 0
    """Of these, those that passed whenever they ran against the right module."""
    failed: int = 0
    mutants: int = 0
    killed: int = 0
    """Mutants on which a test fails that counts and passes on the right module."""
    line_share: float | None = None
    """Lines of the right module that the tests run, 0 to 1; None for code."""
    repairs: tuple[str, ...] = ()
    """Names of the repairs that were made; none in the strict mode."""
    backend: str = "none"
    backend_version: str = ""
    runner: str = ""
    """What ran it, with versions: `pytest 9.2.0, python 3.11.7`."""
    isolated: bool = True
    """False when it ran with the rights of the user: a report must say so."""
    seconds: float | None = None
    """Wall time of all executions for this mode."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """Per test and mutant, or per case and property; plain JSON values (docs/evidence.md)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidencePair:
    """The evidence of one answer in both modes."""

    strict: Evidence
    repaired: Evidence
    """The strict evidence once more, under its own mode, where nothing needed a repair."""
