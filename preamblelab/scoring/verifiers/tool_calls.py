"""Tool calls: the reply's calls are checked, not its words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from preamblelab.domain.records import Response
from preamblelab.domain.verifiers import ToolCall, ToolCalls
from preamblelab.scoring.verifiers.json_document import same
from preamblelab.scoring.verifiers.json_text import NotJsonError, parse_json
from preamblelab.scoring.verifiers.patterns import find
from preamblelab.scoring.verifiers.verification import Finding, no, quote, verifier, yes

_SECONDS: Final = 0.1
_MOST_CALLS: Final = 100
_LONGEST_ARGUMENTS: Final = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    """One call as the model made it."""

    name: str
    arguments: Mapping[str, Any] | None
    fault: str = ""
    """Why the arguments cannot be read."""


@verifier("tool_calls", version="1", reads="all")
def verify_tool_calls(spec: ToolCalls, response: Response) -> Finding:
    """The share of the wanted calls that were made; 0 when others were made besides.

    A reply without text and without calls earns 0 even where no call is wanted: it says nothing.
    """
    made = [_made(call) for call in response.tool_calls[:_MOST_CALLS]]
    if not spec.calls:
        if made:
            return no(f"called {', '.join(quote(call.name) for call in made)}; no call was wanted")
        if not response.text.strip():
            return no("the answer is empty")
        return yes("no call, as wanted")
    if not made:
        return no("no tool was called")
    matched, faults = _matched(spec, made)
    extra = len(made) - matched
    if extra and not spec.more_calls and matched == len(spec.calls):
        return no(f"{extra} calls more than wanted: {', '.join(quote(each.name) for each in made)}")
    return Finding(matched / len(spec.calls), tuple(faults) or (f"{matched} calls as wanted",))


def _matched(spec: ToolCalls, made: list[_Made]) -> tuple[int, list[str]]:
    """How many wanted calls were made, each made call counting once, and what is amiss."""
    left = list(made)
    faults, matched = [], 0
    for wanted in spec.calls:
        reasons = [_fault(wanted, call) for call in left]
        if "" in reasons:
            place = reasons.index("")
            matched += 1
            # In order: what was made before this call can serve no later one.
            left = left[place + 1 :] if spec.in_order else left[:place] + left[place + 1 :]
        else:
            named = [
                why for why, call in zip(reasons, left, strict=True) if call.name == wanted.name
            ]
            faults.append(f"{wanted.name}: {named[0] if named else 'not called'}")
    return matched, faults


def _fault(wanted: ToolCall, call: _Made) -> str:
    """Why a call is not the wanted one; empty when it is."""
    if call.name != wanted.name:
        return f"'{call.name}' is another tool"
    if call.arguments is None:
        return call.fault
    for name, value in wanted.arguments.items():
        if name not in call.arguments:
            return f"lacks the argument {name}"
        if not _alike(call.arguments[name], value):
            return f"{name} is {quote(repr(call.arguments[name]))}, not {quote(repr(value))}"
    for name, pattern in wanted.patterns.items():
        text = call.arguments.get(name)
        if text is None or find(pattern, str(text), seconds=_SECONDS, whole=True) is None:
            return f"{name} is {quote(repr(text))}, which does not match {quote(pattern)}"
    more = call.arguments.keys() - wanted.arguments.keys() - wanted.patterns.keys()
    if more and not wanted.more_arguments:
        return f"has the argument {min(more)}, which was not wanted"
    return ""


def _alike(value: Any, wanted: Any) -> bool:
    """Equal JSON, letter case and outer blanks of texts aside."""
    if isinstance(value, str) and isinstance(wanted, str):
        return value.strip().casefold() == wanted.strip().casefold()
    return same(value, wanted)


def _made(call: Mapping[str, Any]) -> _Made:
    """A call in the shape of OpenAI (arguments as JSON text) or of Ollama (as a mapping)."""
    function = call.get("function", call)
    if not isinstance(function, Mapping):
        return _Made(name="", arguments=None, fault="a call without a function")
    name, arguments = str(function.get("name") or ""), function.get("arguments")
    if isinstance(arguments, str):
        if len(arguments) > _LONGEST_ARGUMENTS:
            return _Made(name=name, arguments=None, fault="its arguments are too long")
        try:
            arguments = parse_json(arguments) if arguments.strip() else {}
        except NotJsonError as error:
            return _Made(name=name, arguments=None, fault=f"its arguments are no JSON: {error}")
    if arguments is None:
        arguments = {}
    if not isinstance(arguments, Mapping):
        return _Made(name=name, arguments=None, fault="its arguments are no JSON object")
    return _Made(name=name, arguments=arguments)
