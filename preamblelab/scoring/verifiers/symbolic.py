"""Symbolic: a mathematical expression that is equal to the task's, whatever its form."""

import re
from typing import Final

from preamblelab.domain.records import Response
from preamblelab.domain.verifiers import Symbolic
from preamblelab.scoring.verifiers.reading import passage
from preamblelab.scoring.verifiers.symbolic_process import compare
from preamblelab.scoring.verifiers.verification import Finding, no, quote, verifier, yes

_LONGEST: Final = 500
"""Characters of an expression; what is longer is prose, or an attack."""
_DOLLARS: Final = re.compile(r"\$\$?([^$]{1,500})\$\$?")
_PARENTHESES: Final = re.compile(r"\\[(\[](.{1,500}?)\\[)\]]")
_FUNCTIONS: Final = (
    "arcsin|arccos|arctan|sinh|cosh|tanh|sin|cos|tan|cot|sec|csc|log|ln|exp|pi|theta|alpha|beta"
    "|infty|cdot|times|le|ge|ne|pm|min|max|gcd"
)
_FUNCTION: Final = re.compile(rf"(?<![\\A-Za-z])({_FUNCTIONS})(?![A-Za-z])")
_WORD: Final = re.compile(r"(?<![\\A-Za-z{])[A-Za-z]{3,}")
_COMMAND: Final = re.compile(r"\\(?:text|mathrm|operatorname)\{[^{}]{0,100}\}|\\[A-Za-z]+")


@verifier("symbolic", version="1")
def verify_symbolic(spec: Symbolic, response: Response) -> Finding:
    """1 when a computer algebra system finds answer and spec equal.

    The comparison runs in a process of its own, which is ended when it takes too long: the share
    is then missing.
    """
    found = _expression(passage(response.text, spec.read).text)
    if found is None:
        return no("no expression in what is read as the answer")
    reply = compare(_latex(spec.answer), _latex(found), seconds=spec.seconds)
    said = f"{quote(found)} against {quote(spec.answer)}"
    if reply == "unread":
        return no(f"{said}: not understood as mathematics")
    return (yes if reply == "equal" else no)(f"{said}: {reply}")


def _expression(text: str) -> str | None:
    """The mathematics of a passage: between dollars, after `=` in prose, or the whole."""
    if len(text) > 4 * _LONGEST:
        return None
    inner = _DOLLARS.findall(text) or _PARENTHESES.findall(text)
    found = inner[-1] if inner else text.strip(" *_`$")
    found = found.strip().rstrip(".,;: ").strip(" *_`$")
    bare = _FUNCTION.sub("", _COMMAND.sub("", found)).replace("sqrt", "")
    if not inner and _WORD.search(bare):
        # Prose: only what stands behind its last equals sign can be meant.
        found = found.rpartition("=")[2].strip()
        if not found or _WORD.search(_FUNCTION.sub("", _COMMAND.sub("", found))):
            return None
    return found if found and len(found) <= _LONGEST else None


def _latex(text: str) -> str:
    """Plain mathematics as LaTeX; LaTeX as it is."""
    words = text.strip().strip("$").replace("**", "^").replace("−", "-").replace("π", "\\pi ")
    for sign, command in (("<=", "\\le "), (">=", "\\ge "), ("!=", "\\ne "), ("∞", "\\infty ")):
        words = words.replace(sign, command)
    words = re.sub(r"√\(?([A-Za-z0-9]+)\)?", r"\\sqrt{\1}", words)
    words = _braced(words, "sqrt", "\\sqrt{", "}")
    words = _braced(words, "exp", "e^{", "}")
    words = _FUNCTION.sub(r"\\\1 ", words)
    words = re.sub(r"(?<=[0-9)}\w])\s?\*\s?(?=[\w(\\])", r"\\cdot ", words)
    return re.sub(r"\^\(([^()]{1,100})\)", r"^{\1}", words)


def _braced(text: str, name: str, opening: str, closing: str) -> str:
    """`name(...)` with its parentheses turned into what LaTeX writes."""
    parts, rest = [], text
    for _ in range(20):
        match = re.search(rf"(?<![\\A-Za-z]){name}\(", rest)
        if match is None:
            break
        depth = 1
        end = match.end()
        while end < len(rest) and depth:
            depth += (rest[end] == "(") - (rest[end] == ")")
            end += 1
        if depth:
            break
        inner = _braced(rest[match.end() : end - 1], name, opening, closing)
        parts += [rest[: match.start()], opening, inner, closing]
        rest = rest[end:]
    return "".join(parts) + rest
