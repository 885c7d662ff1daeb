"""What a simulated model makes of a task that it does not know: its words, its names, no claims.

The answer is about the prompt's own names and shows the same spread of quality as any other, but
the model does not know the module: its code is plausible, and nobody should expect it to be right.
"""

import re
from typing import Final

from preamblelab.execution.simulation.knowledge import (
    FunctionKnowledge,
    Knowledge,
    Passage,
    TestKnowledge,
    TextKnowledge,
)

_PROMPT_LIMIT: Final = 20_000
_JAVASCRIPT: Final = re.compile(
    r"\bjavascript\b|\btypescript\b|\bjest\b|\bnode(?:\.js)?\b|```(?:js|ts|javascript|typescript)\b"
    r"|\bmodule\.exports\b|=>",
    re.IGNORECASE,
)
_PYTHON: Final = re.compile(
    r"\bpython\b|\bpytest\b|```py|^\s{0,8}def \w+\(|^\s{0,8}class \w+[:(]",
    re.IGNORECASE | re.MULTILINE,
)
_WANTS_TESTS: Final = re.compile(
    r"\b(?:write|add|create|generate|provide)\b[^.\n]{0,60}\btests?\b", re.IGNORECASE
)
_WANTS_CODE: Final = re.compile(
    r"\b(?:write|implement|create|fix|refactor|complete|code)\b[^.\n]{0,80}"
    r"\b(?:function|class|method|script|program|code|module|endpoint|component)\b|\bimplement\b",
    re.IGNORECASE,
)
_NAMED: Final = re.compile(
    r"\b(?:def|function|class)\s+([A-Za-z_]\w{1,40})|`([A-Za-z_]\w{1,40})(?:\([^`\n]{0,80}\))?`"
    r"|\b([a-z]+(?:[A-Z][a-z]+)+|[a-z]+(?:_[a-z]+)+)\b"
)
_KEYWORDS: Final = frozenset(
    {"if", "for", "while", "return", "import", "from", "def", "class", "function", "const", "let",
     "var", "async", "await", "it", "test", "describe", "expect", "assert", "true", "false", "null",
     "none", "self", "this", "python", "javascript"}
)  # fmt: skip
_WORD: Final = re.compile(r"[A-Za-z][A-Za-z'-]{4,20}")

_CASES: Final = (
    ("an empty value", "handles an empty value", "''"),
    ("a missing value", "handles a missing value", "None"),
    ("a wrong type", "refuses a wrong type", "[]"),
    ("zero", "handles zero", "0"),
    ("a negative number", "handles a negative number", "-1"),
    ("the upper limit", "handles the upper limit", "100"),
    ("a value above the limit", "refuses a value above the limit", "101"),
    ("a very long value", "handles a very long value", "'a' * 1000"),
    ("special characters", "handles special characters", "'äß%_'"),
    ("the same value twice", "handles the same value twice", "7"),
    ("a typical value", "accepts a typical value", "5"),
    ("several faults at once", "reports several faults at once", "-101"),
)
_STRATEGIES: Final = (
    "My strategy is to go from the usual case to the limits and one step beyond them.",
    "I will first settle what is accepted, then what is refused, and keep each step small.",
)
_REASONS: Final = (
    "Each case stands by itself so that a failure names its cause.",
    "The limits come first because that is where mistakes hide.",
)


def guess(prompt: str) -> Knowledge:
    """What can be said about a task from its prompt alone."""
    text = prompt[:_PROMPT_LIMIT]
    javascript, python = bool(_JAVASCRIPT.search(text)), bool(_PYTHON.search(text))
    names = _names(text)
    if _WANTS_TESTS.search(text) and (javascript or python):
        return _tests("javascript" if javascript and not python else "python", names)
    if _WANTS_CODE.search(text) or python or javascript:
        return _function("javascript" if javascript and not python else "python", names, text)
    return _text(text)


def _names(text: str) -> tuple[str, ...]:
    """Names of functions and classes that the prompt speaks of, each once."""
    found: dict[str, None] = {}
    for match in _NAMED.finditer(text):
        name = match[1] or match[2] or match[3]
        if name.lower() not in _KEYWORDS:
            found[name] = None
    return tuple(found)[:6] or ("solve",)


def _tests(language: str, names: tuple[str, ...]) -> TestKnowledge:
    passages = [
        _passage(language, names[number % len(names)], *case) for number, case in enumerate(_CASES)
    ]
    listed = ", ".join(names)
    python = language == "python"
    return TestKnowledge(
        language=language,
        imports=f"import pytest\n\nfrom module import {listed}"
        if python
        else f"const {{ {listed} }} = require('./module');",
        subject="prepared",
        setup="prepared = None" if python else "prepared = null;",
        passages=tuple(passages),
        strategies=_STRATEGIES,
        reasons=_REASONS,
    )


def _passage(language: str, name: str, case: str, title: str, value: str) -> Passage:
    """One test of a function that the prompt names."""
    refuses = title.startswith("refuses")
    if language == "python":
        body, wrong = f"assert {name}({value}) is not None", ("is not None", "== 0")
        if refuses:
            body = f'with pytest.raises(ValueError, match="{name}"):\n    {name}({value})'
            wrong = ("ValueError", "KeyError")
    else:
        value = value.replace("None", "undefined").replace("'a' * 1000", "'a'.repeat(1000)")
        body, wrong = f"expect({name}({value})).toBeDefined();", ("toBeDefined()", "toBeNull()")
        if refuses:
            body = f"expect(() => {name}({value})).toThrow('{name}');"
            wrong = ("toThrow", "toEqual")
    return Passage(case=case, name=f"{name} {title}", body=body, wrong=wrong, group=name)


_PYTHON_FUNCTION: Final = '''\
from typing import Any


def NAME(value: Any) -> Any:
    """Deal with TOPIC."""
    if value is None or value == "":
        raise ValueError(f"NAME needs a value: {value!r}")
    prepared = list(value) if isinstance(value, (list, tuple)) else [value]
    return prepared[0] if len(prepared) == 1 else prepared
'''
_JAVASCRIPT_FUNCTION: Final = """\
// Deals with TOPIC.
function NAME(value) {
  if (value === undefined || value === '') {
    throw new Error(`NAME needs a value: ${value}`);
  }
  const prepared = Array.isArray(value) ? value : [value];
  return prepared.length === 1 ? prepared[0] : prepared;
}

module.exports = { NAME };
"""


def _function(language: str, names: tuple[str, ...], text: str) -> FunctionKnowledge:
    python = language == "python"
    name = next((each for each in names if each[0].islower()), "solve")
    topic = " ".join(_topics(text)[:4]) or "the value"
    code = (_PYTHON_FUNCTION if python else _JAVASCRIPT_FUNCTION).replace("TOPIC", topic)
    code = code.replace("NAME", name)
    line = next(each for each in code.split("\n") if "needs a value" in each)
    if python:
        flaws = ((' or value == ""', ""), (": {value!r}", ""), ("list, tuple", "list"))
    else:
        flaws = ((" || value === ''", ""), (": ${value}", ""), (" === 1", " > 0"))
    return FunctionKnowledge(
        language=language,
        code=code,
        flaws=flaws,
        imports="from typing import Any\n\n\n" if python else "",
        cases=tuple(case for case, _, _ in _CASES),
        strategies=_STRATEGIES,
        reasons=_REASONS,
        gap=(line, "        pass  # TODO: say what is wrong" if python else "    // TODO"),
    )


def _topics(text: str) -> list[str]:
    """The prompt's longer words, the most frequent first."""
    counts: dict[str, int] = {}
    for match in _WORD.finditer(text):
        word = match.group().lower()
        counts[word] = counts.get(word, 0) + 1
    return sorted(counts, key=lambda word: (-counts[word], -len(word), word))


def _text(text: str) -> TextKnowledge:
    topics = _topics(text)[:8] or ["question"]
    first = topics[0]
    return TextKnowledge(
        opening=(
            f"My approach is to take {first} first and then what depends on it.",
            f"What matters here is {', '.join(topics[:4])}.",
        ),
        reasons=(
            f"I begin with {first} because the rest follows from it.",
            "Each point stands by itself so that it can be checked.",
        ),
        lines=tuple(
            f"{number}. On {topic}: this has to be settled before the next point."
            for number, topic in enumerate(topics, 1)
        ),
        flaws={"before the next point": "at some later time"},
        last_check=f"As a check, each of {', '.join(topics[:3])} has been dealt with.",
        closing=f"In short: settle {first}, then go on in this order.",
        wrong_closings=("It depends.", "There are many ways to see this."),
    )
