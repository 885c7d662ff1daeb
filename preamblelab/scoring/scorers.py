"""What a scorer of one's own is: a function from a task and a response to a share from 0 to 1."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from types import CodeType
from typing import overload

from preamblelab.domain.base import text_digest
from preamblelab.domain.records import Rating, Response
from preamblelab.domain.rubrics import Dimension
from preamblelab.domain.tasks import Task

ScoreFunction = Callable[[Task, Response], float | bool | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorer:
    """A named function that marks one dimension; calling it calls the function."""

    name: str
    """What YAML and tables call it."""
    dimension: str
    function: ScoreFunction
    version: str = ""
    """Changes when the function's marks may change; answers are then marked anew."""

    def __call__(self, task: Task, response: Response) -> float | bool | None:
        """What the function says, unchecked."""
        return self.function(task, response)

    def rate(self, task: Task, response: Response, dimension: Dimension) -> Rating:
        """Points for one response; a crash or an impossible share is missing, never zero."""
        try:
            share = self.function(task, response)
            value = math.nan if share is None else float(share)
        except Exception as error:  # noqa: BLE001 - a user's code may raise anything; it is data
            reason = f"{type(error).__name__}: {error}"[:500]
            return Rating(
                scorer=self.name, dimension=dimension.name, status="crashed", reason=reason
            )
        if share is None:
            return Rating(
                scorer=self.name,
                dimension=dimension.name,
                status="invalid",
                reason="the scorer returned None: it has no opinion",
            )
        if not math.isfinite(value) or not 0 <= value <= 1:
            return Rating(
                scorer=self.name,
                dimension=dimension.name,
                status="invalid",
                reason=f"the scorer returned {share!r}; a share lies from 0 to 1",
            )
        return Rating(
            scorer=self.name, dimension=dimension.name, points=round(value * dimension.points, 6)
        )


@overload
def scorer(function: ScoreFunction, /, *, dimension: str, name: str = "") -> Scorer: ...
@overload
def scorer(*, dimension: str, name: str = "") -> Callable[[ScoreFunction], Scorer]: ...
def scorer(
    function: ScoreFunction | None = None, /, *, dimension: str, name: str = ""
) -> Scorer | Callable[[ScoreFunction], Scorer]:
    """Make a function a scorer of one dimension.

    Args:
        function: takes a `Task` and a `Response`; returns a share from 0 to 1, a bool, or None
            when it has no opinion (the dimension is then missing for this answer).
        dimension: name of the rubric's dimension that it marks.
        name: what tables call it; the function's module and name when not given.

    Examples:
        >>> @scorer(dimension="code_completeness")
        ... def no_placeholders(task, response):
        ...     return "TODO" not in response.text
        >>> no_placeholders.dimension
        'code_completeness'
    """

    def make(given: ScoreFunction) -> Scorer:
        module = getattr(given, "__module__", "")
        called = getattr(given, "__name__", "scorer")
        return Scorer(
            name=name or f"{module}:{called}",
            dimension=dimension,
            function=given,
            version=code_version(given),
        )

    return make if function is None else make(function)


def code_version(function: Callable[..., object]) -> str:
    """Changes when the function's own code does, and is the same in every process.

    What the function calls is not looked into.
    """
    code = getattr(function, "__code__", None)
    return text_digest(_written(code) if code is not None else repr(type(function).__qualname__))


def _written(value: object) -> str:
    """A constant, or code with its constants, without addresses, lines or a set's order."""
    if isinstance(value, CodeType):
        parts = (value.co_code, value.co_names, value.co_varnames, value.co_freevars)
        return f"code({parts!r}, {[_written(each) for each in value.co_consts]})"
    if isinstance(value, tuple):
        return f"({', '.join(_written(each) for each in value)})"
    if isinstance(value, frozenset):
        return f"set({sorted(_written(each) for each in value)})"
    return repr(value)
