"""How answers are marked: dimensions whose points add up to 100, each with its criteria."""

from typing import Self

from pydantic import Field, model_validator

from preamblelab.domain.base import Name, Spec, content_digest

TOTAL_POINTS = 100


class Criterion(Spec):
    """One thing that earns points."""

    points: float = Field(gt=0, le=TOTAL_POINTS)
    """The most it can earn."""
    text: str = Field(min_length=1)
    """What earns them, in words that a judge can apply."""
    check: str | None = None
    """A built-in check or `module:function` that marks it; None leaves it to judges."""


class Dimension(Spec):
    """One side of an answer's quality."""

    name: Name
    """`problem_analysis`, `code_completeness`, ..."""
    points: float = Field(gt=0, le=TOTAL_POINTS)
    """The most that the dimension can earn."""
    criteria: tuple[Criterion, ...] = ()
    """What earns the points; they add up to the dimension's. None: one criterion, all points."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        total = sum(criterion.points for criterion in self.criteria)
        if self.criteria and abs(total - self.points) > 1e-9:
            raise ValueError(
                f"the criteria of {self.name} add up to {total:g} points, "
                f"not to its {self.points:g}"
            )
        return self

    @property
    def marked(self) -> tuple[Criterion, ...]:
        """The criteria as they are marked: a dimension without any is one criterion of its own."""
        words = self.name.replace("_", " ")
        return self.criteria or (Criterion(points=self.points, text=words),)


class Rubric(Spec):
    """Dimensions with points that add up to 100."""

    name: Name
    version: str = "1"
    dimensions: tuple[Dimension, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = [dimension.name for dimension in self.dimensions]
        if len(set(names)) != len(names):
            raise ValueError("two dimensions have one name")
        total = sum(dimension.points for dimension in self.dimensions)
        if abs(total - TOTAL_POINTS) > 1e-9:
            raise ValueError(f"the dimensions add up to {total:g} points, not to {TOTAL_POINTS}")
        return self

    @property
    def digest(self) -> str:
        """The address of what is marked: changes with any point or word, not with the name."""
        dump = self.model_dump(mode="json", include={"dimensions"})
        return content_digest(dump)

    def dimension(self, name: str) -> Dimension:
        """The dimension of this name; KeyError if there is none."""
        for dimension in self.dimensions:
            if dimension.name == name:
                return dimension
        raise KeyError(name)
