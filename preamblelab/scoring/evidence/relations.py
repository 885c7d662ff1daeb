"""What has to hold between answers: cases against what is expected, properties over drawn inputs.

Everything here happens outside the sandbox; the code under test never hears what was expected.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from preamblelab.domain.evidence import Case, Property
from preamblelab.scoring.evidence.drawing import arguments_of, shuffled
from preamblelab.scoring.sandbox import Answer, Call, Unrepresentable, same


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One drawn input of a property, and the calls that it takes."""

    arguments: list[Any]
    calls: tuple[Call, ...]


def case_call(case: Case) -> Call:
    """What a case asks."""
    return Call(function=case.call, arguments=case.arguments, keywords=case.keywords)


def case_fault(case: Case, answer: Answer) -> str:
    """What is wrong with the answer to a case; empty when nothing is."""
    if answer.status == "missing":
        return answer.reason
    if case.raises is None:
        if answer.status == "raised":
            return f"raised {answer.error}: {answer.message}"[:300]
        if _equal(case.returns, answer.value, case.tolerance, any_order=case.any_order):
            return ""
        return f"returned {_shown(answer.value)}, not {_shown(case.returns)}"
    if answer.status != "raised":
        return f"returned {_shown(answer.value)} instead of raising {case.raises}"
    if answer.error != case.raises:
        return f"raised {answer.error}, not {case.raises}"
    if case.message is not None and case.message not in answer.message:
        return f"its message {_shown(answer.message)} does not hold {_shown(case.message)}"
    for name, value in case.fields.items():
        found = answer.fields.get(name)
        if name not in answer.fields or not same(value, found, tolerance=case.tolerance):
            return f"its field '{name}' is {_shown(found)}, not {_shown(value)}"
    return ""


def examples_of(given: Property) -> list[Example]:
    """The drawn inputs of a property with the calls that can be asked at once."""
    examples = []
    for arguments in arguments_of(given):
        calls = [Call(function=given.call, arguments=arguments)]
        if given.holds == "symmetric":
            calls.append(Call(function=given.call, arguments=arguments[::-1]))
        elif given.holds == "order_invariant":
            other = [shuffled(given, arguments[0]), *arguments[1:]]
            calls.append(Call(function=given.call, arguments=other))
        examples.append(Example(arguments=arguments, calls=tuple(calls)))
    return examples


def follow_up(given: Property, answer: Answer) -> Call | None:
    """The call that takes what the first one returned; None where the relation has none."""
    if given.holds not in {"idempotent", "round_trip"} or answer.status != "returned":
        return None
    if not _is_plain(answer.value):
        return None
    return Call(function=given.through or given.call, arguments=[answer.value])


def example_fault(
    given: Property, example: Example, answers: Sequence[Answer], other: Answer | None
) -> str:
    """What is wrong with one example; empty when the relation holds.

    Args:
        given: the property.
        example: its input.
        answers: to the example's calls.
        other: to the call that followed, or the golden answer's; None where there is none.
    """
    first = answers[0]
    if first.status == "missing":
        return first.reason
    if given.holds == "same_as_golden":
        assert other is not None
        return _as_golden(other, first, given.tolerance)
    if first.status == "raised":
        return f"raised {first.error}: {first.message}"[:300]
    second = answers[1] if len(answers) > 1 else other
    if second is None:
        return f"returned {_shown(first.value)}, which cannot be handed on"
    if second.status != "returned":
        said = second.reason or f"raised {second.error}: {second.message}"
        return f"the other call: {said}"[:300]
    wanted = example.arguments[0] if given.holds == "round_trip" else first.value
    if same(wanted, second.value, tolerance=given.tolerance):
        return ""
    return f"{_shown(second.value)} is not {_shown(wanted)}"


def _as_golden(golden: Answer, found: Answer, tolerance: float) -> str:
    if golden.status == "raised":
        if found.status == "raised" and found.error == golden.error:
            return ""
        said = f"raised {found.error}" if found.status == "raised" else "raised nothing"
        return f"{said}; {golden.error} was to be raised"
    if found.status == "raised":
        return f"raised {found.error}: {found.message}"[:300]
    if same(golden.value, found.value, tolerance=tolerance):
        return ""
    return f"returned {_shown(found.value)}, not {_shown(golden.value)}"


def _equal(expected: object, found: object, tolerance: float, *, any_order: bool) -> bool:
    if not any_order:
        return same(expected, found, tolerance=tolerance)
    if not isinstance(expected, list | tuple) or not isinstance(found, list):
        return same(expected, found, tolerance=tolerance)
    left = list(found)
    for item in expected:
        place = next((n for n, o in enumerate(left) if same(item, o, tolerance=tolerance)), None)
        if place is None:
            return False
        del left[place]
    return not left


def _is_plain(value: object) -> bool:
    """Whether a value can be sent as JSON."""
    if isinstance(value, Unrepresentable):
        return False
    if isinstance(value, list):
        return type(value) is list and all(map(_is_plain, value))
    if isinstance(value, Mapping):
        return all(map(_is_plain, value.values()))
    if isinstance(value, float):
        return value - value == 0
    return value is None or isinstance(value, str | int)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
