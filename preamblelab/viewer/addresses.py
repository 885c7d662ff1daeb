"""Questions as addresses, and back; nothing else reads or writes a query."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final, cast, get_args
from urllib.parse import urlencode

from preamblelab.domain.records import Status
from preamblelab.errors import SpecError
from preamblelab.store import Order, TrialFilter
from preamblelab.store.snapshots import Direction

Query = Mapping[str, str]


class AddressError(SpecError):
    """An address asks for what cannot be asked."""


def to(page: str, **values: object) -> str:
    """The address of a page; what is empty or None is left out."""
    given = {name: str(value) for name, value in values.items() if value not in {None, "", False}}
    words = urlencode(given, errors="backslashreplace")
    return f"/{page}?{words}" if given else f"/{page}"


def named(query: Query, name: str) -> str:
    """A word that must be there.

    Raises:
        AddressError: it is not.
    """
    if value := query.get(name):
        return value
    raise AddressError(f"this address names no {name}: start from the list of experiments")


def whole(query: Query, name: str) -> int | None:
    """A whole number, or None.

    Raises:
        AddressError: it is something else.
    """
    value = query.get(name)
    if not value:
        return None
    if not value.isascii() or not value.isdigit() or len(value) > 12:
        raise AddressError(f"{name} is a whole number, not '{value[:40]}'")
    return int(value)


_ASKED: Final = (
    *("experiment", "model", "variant", "task", "status", "flag", "lowest", "highest", "unscored"),
    *("text", "sort", "direction", "after", "before"),
)
"""What may stand in the address of a page of trials."""
_STATUSES: Final = {*get_args(Status), "pending"}
_NAMED: Final = 20
"""Values that a refusal lists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialsQuestion:
    """Which page of which trials in what order."""

    experiment: str
    wanted: TrialFilter
    order: Order
    after: int | None = None
    before: int | None = None

    @classmethod
    def read(cls, query: Query) -> "TrialsQuestion":
        """The question in an address.

        Raises:
            AddressError: a number is none, or there is no such filter, column or direction.
        """
        unknown = [name for name in query if name not in _ASKED]
        if unknown:
            raise AddressError(
                f"trials cannot be asked by '{unknown[0][:40]}': filters are {', '.join(_ASKED)}"
            )
        unscored = query.get("unscored", "")
        if unscored not in {"", "1"}:
            raise AddressError(f"unscored is 1 or left out, not '{unscored[:40]}'")
        texts = ("model", "variant", "task", "status", "flag", "text")
        wanted = TrialFilter(
            **{name: query.get(name, "") for name in texts},
            lowest=_points(query, "lowest"),
            highest=_points(query, "highest"),
            unscored=bool(unscored),
        )
        try:
            order = Order(
                column=query.get("sort") or "ordinal",
                direction=cast("Direction", query.get("direction") or "up"),
            )
        except SpecError as error:
            raise AddressError(str(error)) from None
        return cls(
            experiment=named(query, "experiment"),
            wanted=wanted,
            order=order,
            after=whole(query, "after"),
            before=whole(query, "before"),
        )

    def check(self, facets: Mapping[str, Mapping[str, int]]) -> None:
        """See that what is filtered by occurs among the trials, or may while a run works.

        Args:
            facets: by filter, the values that there are.

        Raises:
            AddressError: one does not.
        """
        for name, values in facets.items():
            value = getattr(self.wanted, name)
            if not value or value in values or (name == "status" and value in _STATUSES):
                continue
            more = f", and {len(values) - _NAMED} more" if len(values) > _NAMED else ""
            there = ", ".join(each[:40] for each in list(values)[:_NAMED]) + more
            raise AddressError(
                f"no trial has the {name} '{value[:40]}': there are {there or 'none'}; leave "
                f"{name} out to see all"
            )

    @property
    def address(self) -> str:
        """Where it is answered."""
        wanted: dict[str, Any] = {
            each.name: getattr(self.wanted, each.name) for each in fields(self.wanted)
        }
        wanted["unscored"] = "1" if self.wanted.unscored else ""
        for name in ("lowest", "highest"):
            if wanted[name] is not None:
                wanted[name] = f"{wanted[name]:g}"
        sort = "" if self.order.column == "ordinal" else self.order.column
        direction = "" if self.order.direction == "up" else self.order.direction
        return to(
            "trials",
            experiment=self.experiment,
            **wanted,
            sort=sort,
            direction=direction,
            after=self.after,
            before=self.before,
        )

    def turned(self, *, after: int | None = None, before: int | None = None) -> "TrialsQuestion":
        """Another page of the same list."""
        return replace(self, after=after, before=before)

    def sorted_by(self, column: str) -> "TrialsQuestion":
        """The first page sorted by a column: figures from the top down, a second time the other."""
        falls = column in {"score", "gain", "seconds", "completion_tokens", "usd"}
        direction: Direction = "down" if falls else "up"
        if self.order.column == column:
            direction = "up" if self.order.direction == "down" else "down"
        return replace(
            self, order=Order(column=column, direction=direction), after=None, before=None
        )


def _points(query: Query, name: str) -> float | None:
    value = query.get(name)
    if not value:
        return None
    try:
        number = float(value)
    except ValueError:
        number = float("nan")
    if not 0 <= number <= 100:
        raise AddressError(f"{name}: a score is a number from 0 to 100, not '{value[:40]}'")
    return number
