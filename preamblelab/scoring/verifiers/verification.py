"""What a verifier is and returns: a share with evidence, or a missing share with its reason."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, Literal, NamedTuple, TypeVar

from preamblelab.domain.records import Response
from preamblelab.errors import MissingExtraError

_LONGEST_LINE: Final = 300
"""Characters of one line of evidence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What one verifier found in one response."""

    verifier: str
    """Its name: the spec's `kind`."""
    version: str
    """Changes whenever the verifier may find something else."""
    share: float | None = None
    """From 0 to 1; None is missing, for the reason in `reason`."""
    reason: str = ""
    """Why the share is missing, in one line."""
    evidence: tuple[str, ...] = ()
    """What the share rests on: quotes and counts."""

    @property
    def passed(self) -> bool | None:
        """Whether all that was asked for is there; None when the share is missing."""
        return None if self.share is None else self.share >= 1


class Finding(NamedTuple):
    """What a verifier's own function returns."""

    share: float
    """From 0 to 1."""
    evidence: tuple[str, ...] = ()


class UnverifiableError(Exception):
    """No share can be given, and it is not the answer's fault; the message is the reason."""


S = TypeVar("S")


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifierFunction(Generic[S]):
    """A total function of a spec and a response.

    What holds for every verifier stands here, once: a call that failed is missing; an answer
    without anything in it earns 0; an error inside the verifier is missing, never 0.
    """

    name: str
    """The kind of spec that it serves."""
    version: str
    """Changes whenever it may find something else."""
    function: Callable[[S, Response], Finding]
    reads: Literal["text", "all"]
    """`all` when a response without text may also earn something."""

    def __call__(self, spec: S, response: Response) -> Verification:
        """What is found; never raises."""
        if not response.answered:
            return self._missing(f"no answer to check: {response.reason or 'the call failed'}")
        if self.reads == "text" and not response.text.strip():
            return self._found(Finding(0.0, ("the answer is empty",)))
        try:
            finding = self.function(spec, response)
        except (UnverifiableError, MissingExtraError) as error:
            return self._missing(str(error))
        except Exception as error:  # noqa: BLE001 - the verifier's own fault is not the answer's
            return self._missing(f"the verifier failed: {type(error).__name__}: {error}")
        if not math.isfinite(finding.share) or not 0 <= finding.share <= 1:
            return self._missing(f"the verifier failed: it gave the share {finding.share!r}")
        return self._found(finding)

    def _found(self, finding: Finding) -> Verification:
        return Verification(
            verifier=self.name,
            version=self.version,
            share=float(finding.share),
            evidence=tuple(map(_line, finding.evidence)),
        )

    def _missing(self, reason: str) -> Verification:
        return Verification(verifier=self.name, version=self.version, reason=_line(reason))


def verifier(
    name: str, *, version: str, reads: Literal["text", "all"] = "text"
) -> Callable[[Callable[[S, Response], Finding]], VerifierFunction[S]]:
    """Make a function a verifier.

    Args:
        name: the kind of spec that it serves.
        version: changes whenever it may find something else.
        reads: `all` when a response without text may also earn something.
    """

    def make(function: Callable[[S, Response], Finding]) -> VerifierFunction[S]:
        return VerifierFunction(name=name, version=version, function=function, reads=reads)

    return make


def _line(text: str) -> str:
    """One line that is safe to store: no line ends, no half characters, not too long."""
    line = " ".join(text.encode("utf-8", "replace").decode("utf-8").split())
    return line if len(line) <= _LONGEST_LINE else line[: _LONGEST_LINE - 3] + "..."


def quote(text: str, *, longest: int = 80) -> str:
    """A piece of an answer between quotation marks, shortened."""
    line = " ".join(text[: 4 * longest].split())
    return f"'{line if len(line) <= longest else line[: longest - 3] + '...'}'"


def yes(*evidence: str) -> Finding:
    """All that was asked for is there."""
    return Finding(1.0, evidence)


def no(*evidence: str) -> Finding:
    """Nothing of it is there."""
    return Finding(0.0, evidence)
