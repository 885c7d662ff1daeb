"""The rules of all constraints: whether a text keeps one, and what was counted."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from preamblelab.domain.constraints import (
    Constraint,
    Counted,
    Fixed,
    Keyword,
    Language,
    Letter,
    Listed,
    Paragraphs,
    ParagraphStart,
    Parts,
    Plain,
    Sections,
)
from preamblelab.scoring.verifiers import constraint_counts as counts
from preamblelab.scoring.verifiers.json_text import NotJsonError, parse_json, unfenced
from preamblelab.scoring.verifiers.languages import language_of
from preamblelab.scoring.verifiers.verification import quote

_COUNTERS: Final[Mapping[str, Callable[[str], int]]] = {
    "words": counts.words,
    "sentences": counts.sentences,
    "bullets": counts.bullets,
    "capital_words": counts.capital_words,
    "highlights": counts.highlights,
    "placeholders": counts.placeholders,
}


class Kept(NamedTuple):
    """Whether a text keeps a constraint."""

    kept: bool
    evidence: str


def keeps(constraint: Constraint, text: str) -> Kept:
    """Whether a text that is not blank keeps a constraint, to the letter.

    Raises:
        UnverifiableError: the language cannot be told.
        MissingExtraError: the package that tells languages is not installed.
    """
    return _RULES[type(constraint)](constraint, text)


def _counted(rule: Counted, text: str) -> Kept:
    count = _COUNTERS[rule.kind](text)
    return Kept(rule.allows(count), f"{count} {rule.kind.replace('_', ' ')}, {rule} asked")


def _paragraphs(rule: Paragraphs, text: str) -> Kept:
    count = counts.paragraphs(text, rule.separator)
    if count is None:
        return Kept(False, f"a blank paragraph between two '{rule.separator}'")
    return Kept(rule.allows(count), f"{count} paragraphs, {rule} asked")


def _sections(rule: Sections, text: str) -> Kept:
    count = sum(1 for _ in re.finditer(rf"{re.escape(rule.marker.strip())}\s?[0-9]", text))
    return Kept(rule.allows(count), f"{count} sections, {rule} asked")


def _keyword(rule: Keyword, text: str) -> Kept:
    count = text.casefold().count(rule.word.strip().casefold())
    return Kept(rule.allows(count), f"'{rule.word}' {count} times, {rule} asked")


def _letter(rule: Letter, text: str) -> Kept:
    count = text.lower().count(rule.character.lower())
    return Kept(rule.allows(count), f"the letter '{rule.character}' {count} times, {rule} asked")


def _listed(rule: Listed, text: str) -> Kept:
    if rule.kind == "one_of":
        found = [word for word in rule.texts if word in text]
        return Kept(bool(found), f"says {quote(found[0])}" if found else "says none of the options")
    folded = text.casefold()
    if rule.kind == "keywords":
        missing = [word for word in rule.texts if word.casefold() not in folded]
        return Kept(not missing, f"lacks {', '.join(missing)}" if missing else "all keywords")
    found = [
        word
        for word in rule.texts
        if re.search(rf"\b{re.escape(word.casefold())}\b", folded) is not None
    ]
    return Kept(not found, f"says {', '.join(found)}" if found else "no forbidden word")


def _fixed(rule: Fixed, text: str) -> Kept:
    wanted = rule.text.strip().lower()
    inner = text.strip().lower()
    if rule.kind == "starts_with":
        return Kept(inner.startswith(wanted), f"starts with {quote(text.strip()[:80])}")
    if rule.kind == "ends_with":
        kept = inner.strip('"').endswith(wanted)
        return Kept(kept, f"ends with {quote(text.strip()[-80:])}")
    # P.S. may have blanks after its dots, and models drop the last dot of P.P.S.
    marker = r"\.\s?".join(map(re.escape, wanted.rstrip(".").split(".")))
    closed = r"\." if wanted.endswith(".") else ""
    found = re.search(marker + closed, inner) is not None
    return Kept(found, f"{'has' if found else 'lacks'} {quote(rule.text)}")


def _paragraph_start(rule: ParagraphStart, text: str) -> Kept:
    paragraphs = text.split("\n\n")
    count = sum(bool(paragraph.strip()) for paragraph in paragraphs)
    chosen = paragraphs[rule.paragraph - 1].split() if rule.paragraph <= count else []
    first = re.split(r"[.,?!'\"]", chosen[0].lstrip("'\""))[0].lower() if chosen else ""
    kept = first == rule.word.lower() and rule.of in {None, count}
    return Kept(kept, f"{count} paragraphs, number {rule.paragraph} starts with '{first}'")


def _parts(rule: Parts, text: str) -> Kept:
    parts = [part.strip() for part in text.split(rule.separator)]
    filled = [part for part in parts if part]
    kept = all(parts[1:-1]) and len(filled) == rule.number and len(set(filled)) == rule.number
    return Kept(kept, f"{len(set(filled))} different parts, {rule.number} asked")


def _language(rule: Language, text: str) -> Kept:
    found = language_of(text)
    return Kept(found == rule.code, f"language {found}, {rule.code} asked")


def _plain(rule: Plain, text: str) -> Kept:
    inner = text.strip()
    if rule.kind == "no_commas":
        return Kept("," not in text, f"{text.count(',')} commas")
    if rule.kind == "title":
        kept = counts.has_title(text)
        return Kept(kept, "has a title" if kept else "has no <<title>>")
    if rule.kind == "quoted":
        kept = len(inner) > 1 and inner[0] == inner[-1] == '"'
        return Kept(kept, f"from {quote(inner[:1])} to {quote(inner[-1:])}")
    if rule.kind == "json_only":
        try:
            parse_json(unfenced(inner))
        except NotJsonError as error:
            return Kept(False, f"no JSON: {error}")
        return Kept(True, "is JSON")
    upper = rule.kind == "upper_case"
    kept = text.isupper() if upper else text.islower()
    other = "small" if upper else "capital"
    return Kept(kept, f"no {other} letters" if kept else f"has {other} letters, or none at all")


_RULES: Final[Mapping[type[Any], Callable[[Any, str], Kept]]] = {
    Counted: _counted,
    Paragraphs: _paragraphs,
    Sections: _sections,
    Keyword: _keyword,
    Letter: _letter,
    Listed: _listed,
    Fixed: _fixed,
    ParagraphStart: _paragraph_start,
    Parts: _parts,
    Language: _language,
    Plain: _plain,
}
