"""Checks of an answer's code: whole, without gaps, well named, without repetition, ordered.

Where no code is asked for, each looks at the text in the same spirit; its docstring says how.
"""

import ast
import re
from typing import Final

from preamblelab.domain.records import Response
from preamblelab.domain.tasks import Task
from preamblelab.scoring.checks_analysis import SUBSTANCE_WORDS
from preamblelab.scoring.checks_cases import distinct
from preamblelab.scoring.checks_javascript import scan
from preamblelab.scoring.checks_python import functions, identifiers, parse, undefined_names
from preamblelab.scoring.checks_reading import (
    Block,
    CheckResult,
    list_items,
    read,
    sentences,
    words,
)
from preamblelab.scoring.checks_tests import uses_symbols, written

_NO_CODE: Final = CheckResult(0.0, ("no code in the language that is asked for",))
_TOO_LITTLE: Final = CheckResult(0.0, (f"fewer than {SUBSTANCE_WORDS} words",))

_GAP: Final = re.compile(
    r"\b(?:TODO|FIXME|XXX|TBD)\b|your code here|(?:code|tests?|logic|assertions?|cases?) goes? here"
    r"|(?:add|write|insert|implement) (?:more |the |your |other |further )?"
    r"(?:tests?|assertions?|cases?|logic|code|rest)\b[^\n]{0,30}\bhere\b"
    r"|(?:#|//) *\.\.\.|\.\.\. *(?:more|rest|similar|other)|rest of the (?:tests?|code)"
    r"|\bnot implemented|NotImplementedError|and so on for|<insert|implement (?:me|this)\b",
    re.IGNORECASE,
)
_EMPTY_PYTHON: Final = re.compile(r"[ \t]*(?:pass|\.\.\.)[ \t]*(?:#.*)?$")
_EMPTY_JAVASCRIPT: Final = re.compile(r"(?:it|test)\s*\([^\n]{0,200}\{\s*\}\s*\)")
_JS_TEST: Final = re.compile(r"\b(?:it|test)(?:\.\w+)?\s*\(")
_JS_IMPORT: Final = re.compile(r"\brequire\s*\(|^[ \t]*import\b", re.MULTILINE)
_JS_NAME: Final = re.compile(r"\b(?:const|let|var|function|class)\s+([A-Za-z_$][\w$]*)")
_JS_RETURN: Final = re.compile(r"\breturn\b|\bthrow\b|=>")
_PY_RETURN: Final = re.compile(r"\breturn\b|\braise\b|\byield\b")
_GENERIC_NAME: Final = re.compile(
    r"(?:test|it|case|works?|basic|should|func|foo|bar|data|tmp|temp|stuff|thing)?[\s_]*\d*",
    re.IGNORECASE,
)
_SHORT_NAMES: Final = frozenset({"i", "j", "k", "n", "x", "y", "id", "db", "it", "_", "to", "e"})
_LONGEST_LINE: Final = 100
_LINE: Final = 2_000
"""Characters of a line in which a gap is looked for."""
_SUBSTANTIAL_LINE: Final = 20


def _few_words(response: Response) -> bool:
    return len(words(response.text)) < SUBSTANCE_WORDS


def code_parses(task: Task, response: Response) -> CheckResult:
    """Characters of code that parse, as a share; any block that does not halves the rest.

    Python is parsed; of JavaScript only brackets, quotes and a stray `await` are looked at. Where
    no code is asked for: whether the text ends as a finished one.
    """
    if task.expect.language == "text":
        return _finished(response)
    blocks = read(task, response).blocks
    total = sum(len(block.code) for block in blocks)
    if not any(block.code.strip() for block in blocks):
        return _NO_CODE
    good, faults = 0, []
    for block in blocks:
        fault = _fault(task.expect.language, block)
        if fault:
            faults.append(fault)
        else:
            good += len(block.code)
    share = good / total if not faults else 0.5 * good / total
    return CheckResult(share, tuple(faults[:3]) or (f"{len(blocks)} blocks parse",))


def _fault(language: str, block: Block) -> str:
    """What keeps a block from being whole; empty when nothing seems to."""
    if language == "python":
        tree = parse(block.code)
        return tree if isinstance(tree, str) else ""
    script = scan(block.code)
    if script.faults:
        return script.faults[0]
    past = 0
    for match in _JS_TEST.finditer(script.bare):
        if match.start() < past:
            continue
        opening = match.end() - 1
        past = script.closing.get(opening, opening)
        test = script.bare[opening:past]
        if re.search(r"\bawait\b", test) and not re.search(r"\basync\b", test):
            return "a test awaits but is not async"
    return ""


def _finished(response: Response) -> CheckResult:
    if _few_words(response):
        return _TOO_LITTLE
    text = response.text.rstrip()
    last = text.rpartition("\n")[2].strip()
    if text.count("```") % 2:
        return CheckResult(0.0, ("a fence is not closed",))
    whole = last[-1] in ".!?)]}`\"'*|:0123456789" or len(words(last)) <= 6
    return CheckResult(float(whole), (f"ends with: {last[-60:]}",))


def no_placeholders(task: Task, response: Response) -> CheckResult:
    """1 when nothing is left to fill in, a half for one line with a gap, 0 for more.

    Gaps are TODO and its kin, "add more tests here", empty bodies, `...` comments. They are looked
    for in the whole answer, since code is also left out in words.
    """
    reading = read(task, response)
    if task.expect.language == "text":
        if _few_words(response):
            return _TOO_LITTLE
    elif not reading.code.strip():
        return _NO_CODE
    gaps = [line.strip() for line in response.text.split("\n") if _GAP.search(line[:_LINE])]
    if task.expect.language == "python":
        empty = [line for line in reading.code.split("\n") if _EMPTY_PYTHON.match(line[:_LINE])]
        gaps += [line.strip() for line in empty if not _GAP.search(line[:_LINE])]
    if task.expect.language == "javascript":
        gaps += ["an empty test" for _ in _EMPTY_JAVASCRIPT.finditer(reading.code)]
    share = 1.0 if not gaps else 0.5 if len(gaps) == 1 else 0.0
    return CheckResult(share, tuple(gap[:80] for gap in gaps[:3]) or ("no gaps",))


def names_defined(task: Task, response: Response) -> CheckResult:
    """Whether everything that the code uses is imported or defined in it.

    Python: the share falls to a half with one unknown name and to 0 with more. JavaScript: tests
    must require or import something. Code that does not parse earns nothing. A text without code
    passes these points on to `uses_symbols`.
    """
    language = task.expect.language
    if language == "text":
        return uses_symbols(task, response)
    code = read(task, response).code
    if not code.strip():
        return _NO_CODE
    if language == "python":
        tree = parse(code)
        if isinstance(tree, str):
            return CheckResult(0.0, (tree,))
        unknown = undefined_names(tree)
        share = 1.0 if not unknown else 0.5 if len(unknown) == 1 else 0.0
        return CheckResult(
            share, tuple(f"unknown: {n[:40]}" for n in unknown[:5]) or ("all known",)
        )
    script = scan(code)
    if script.faults:
        return CheckResult(0.0, (script.faults[0],))
    if task.expect.tests and not _JS_IMPORT.search(script.bare):
        return CheckResult(0.0, ("requires or imports nothing",))
    return CheckResult(1.0, ("brings its imports",))


def assertions_present(task: Task, response: Response) -> CheckResult:
    """Share of the tests that assert anything but a constant.

    Code without tests: whether it returns or raises. A text without code passes these points on
    to `uses_symbols`.
    """
    if task.expect.language == "text":
        return uses_symbols(task, response)
    if not task.expect.tests:
        code = read(task, response).code
        pattern = _PY_RETURN if task.expect.language == "python" else _JS_RETURN
        found = pattern.search(code) is not None
        return CheckResult(float(found), ("returns or raises" if found else "returns nothing",))
    tests = written(task, response)
    asserting = sum(test.asserts for test in tests)
    share = asserting / len(tests) if tests else 0.0
    return CheckResult(share, (f"{asserting} of {len(tests)} tests assert something",))


def names_describe(task: Task, response: Response) -> CheckResult:
    """Share of the names that say what they stand for.

    A test's name has three words or more; any other name three letters or more and is none of
    `foo`, `data2` and their kin. Where no code is asked for: sentences of at most 35 words.
    """
    reading = read(task, response)
    if task.expect.language == "text":
        if _few_words(response):
            return _TOO_LITTLE
        parts = sentences(reading.prose)
        good = sum(len(words(sentence)) <= 35 for sentence in parts)
        return CheckResult(good / len(parts), (f"{good} of {len(parts)} sentences are short",))
    if task.expect.tests:
        names = [test.name for test in written(task, response)]
        good_names = [name for name in names if _tells(name)]
    else:
        names = list(_given_names(task.expect.language, reading.code))
        good_names = [
            name
            for name in names
            if name in _SHORT_NAMES or (len(name) > 2 and not _GENERIC_NAME.fullmatch(name[:200]))
        ]
    share = len(good_names) / len(names) if names else 0.0
    return CheckResult(share, (f"{len(good_names)} of {len(names)} names describe",))


def _tells(name: str) -> bool:
    said = words(name[:300].replace("_", " "))
    return len([word for word in said if word.lower() not in {"test", "it", "should"}]) >= 2 or (
        len(said) >= 3
    )


def _given_names(language: str, code: str) -> tuple[str, ...]:
    if language == "python":
        tree = parse(code)
        return () if isinstance(tree, str) else identifiers(tree)
    return tuple(dict.fromkeys(_JS_NAME.findall(scan(code).bare)))


def no_duplication(task: Task, response: Response) -> CheckResult:
    """How little is written twice: 1 for nothing, 0 when half of it or more is repeated.

    Counted over tests by their bodies where tests are asked for, else over code lines of twenty
    characters or more, and over sentences where no code is.
    """
    reading = read(task, response)
    if task.expect.language == "text":
        if _few_words(response):
            return _TOO_LITTLE
        units = [s for s in sentences(reading.prose) if len(s) >= _SUBSTANTIAL_LINE]
        kind = "sentences"
    elif task.expect.tests:
        units, kind = [test.body for test in written(task, response)], "tests"
    else:
        lines = (line.strip() for line in reading.code.split("\n"))
        units = [line for line in lines if len(line) >= _SUBSTANTIAL_LINE]
        kind = "lines"
    if not units:
        return CheckResult(0.0, (f"no {kind}",))
    repeated = len(units) - len(set(units))
    share = max(0.0, 1.0 - 2.0 * repeated / len(units))
    return CheckResult(share, (f"{repeated} of {len(units)} {kind} repeat others",))


def structure(task: Task, response: Response) -> CheckResult:
    """A third each: parts are grouped, lines are short, code stands in closed fences with a tag.

    Grouped are tests by describe, class, fixture or table, and functions by a second function or
    a docstring. In a text: paragraphs or a list; paragraphs of at most 120 words; a finished end.
    """
    reading = read(task, response)
    if task.expect.language == "text":
        return _structure_of_text(task, response)
    if not reading.code.strip():
        return _NO_CODE
    lines = [line for line in reading.code.split("\n") if line.strip()]
    short = sum(len(line) <= _LONGEST_LINE for line in lines) >= 0.95 * len(lines)
    fenced = all(block.fenced and block.closed and block.language for block in reading.blocks)
    grouped = _grouped(task, response, reading.code)
    marks = {"grouped": grouped, "short lines": short, "tagged and closed fences": fenced}
    found = tuple(name for name, given in marks.items() if given)
    return CheckResult(len(found) / 3, found or ("no order",))


def _structure_of_text(task: Task, response: Response) -> CheckResult:
    if _few_words(response):
        return _TOO_LITTLE
    paragraphs = [text for text in response.text.split("\n\n") if text.strip()]
    marks = {
        "paragraphs or a list": len(paragraphs) > 1 or len(list_items(response.text)) > 1,
        "short paragraphs": all(len(words(text)) <= 120 for text in paragraphs),
        "a finished end": code_parses(task, response).share > 0,
    }
    found = tuple(name for name, given in marks.items() if given)
    return CheckResult(len(found) / 3, found or ("no order",))


def _grouped(task: Task, response: Response, code: str) -> bool:
    if task.expect.tests and len(distinct(written(task, response))) < 2:
        return False
    if task.expect.language == "javascript":
        groups = len(re.findall(r"\bdescribe\s*\(|\bfunction\b|\bclass\b|=>\s*\{", scan(code).bare))
        wanted = "describe" in code or not task.expect.tests
        return wanted and groups > 1
    tree = parse(code)
    if isinstance(tree, str):
        return False
    if task.expect.tests:
        return re.search(r"fixture|parametrize\(|^class \w", code, re.MULTILINE) is not None
    found = functions(tree)
    documented = any(isinstance(node.body[0], ast.Expr) and len(node.body) > 1 for node in found)
    return len(found) > 1 or documented
