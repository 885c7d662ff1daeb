"""Choice: the letter of one of several options, named once and for all."""

import re
from typing import Final

from preamblelab.domain.records import Response
from preamblelab.domain.verifiers import Choice
from preamblelab.scoring.verifiers.reading import normal, passage
from preamblelab.scoring.verifiers.verification import Finding, no, quote, verifier, yes

_LONGEST_PASSAGE: Final = 1_000
_ARTICLES: Final = frozenset({"A", "I"})
"""Letters that are English words as well."""
_PROSE: Final = re.compile(r" (?!(?:is|was|as|because|since|would|seems)(?!\w))[a-z]")


@verifier("choice", version="1")
def verify_choice(spec: Choice, response: Response) -> Finding:
    """1 when the answer names the right letter and no other.

    Several letters, or none, cannot be read as a choice and earn 0; the evidence says which of
    the two it was, so that unreadable answers can be told from wrong ones.
    """
    found = passage(response.text, spec.read).text[:_LONGEST_PASSAGE]
    letters = _letters(found, spec)
    if len(letters) != 1:
        said = f"names {' and '.join(sorted(letters))}" if letters else "names no letter"
        return no(f"unreadable: {quote(found)} {said}")
    (letter,) = letters
    right = spec.answer.upper()
    return yes(f"chose {letter}") if letter == right else no(f"chose {letter}, not {right}")


def _letters(found: str, spec: Choice) -> set[str]:
    """The letters that a passage names."""
    known = spec.known
    by_text = {letter for letter, text in spec.options.items() if normal(text) == normal(found)}
    if by_text:
        return by_text
    # "B", "(B)", "B.", "B) Rome", "**B**: ..." open with the choice; what follows explains it.
    opening = re.match(rf"[\s(\[*_`\"'\\{{$]*([{known}])(?![\w'])(.*)", found, re.DOTALL)
    if opening is None:
        opening = re.match(rf"[\s(\[*_`\"']*([{known.lower()}])[\s)\].*_`\"']*$()", found)
    if opening is None:
        # "I choose option (C)": letters that stand alone, articles only when they are marked.
        marked = set(re.findall(rf"[(\[*]([{known}])[)\]*]", found))
        bare = set(re.findall(rf"(?<![\w'])([{known}])(?![\w'])", found))
        return marked or {letter for letter in bare if letter not in _ARTICLES}
    letter, rest = opening.group(1).upper(), opening.group(2)
    others = re.findall(rf"^[\s)\].,*]*(?:or|and|/|&|,)\s*\(?([{known}])(?![\w'])", rest)
    if not others and letter in _ARTICLES and _PROSE.match(rest):
        # "A sensible person would say C": an article, not a choice.
        return set(re.findall(rf"(?<![\w'])([{known}])(?![\w'])", rest)) - _ARTICLES
    return {letter, *others}
