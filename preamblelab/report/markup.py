"""Elements of pages and pictures: text goes in raw and comes out harmless.

    >>> element("p", "a < b ", element("b", "bold"), class_="note")
    Markup('<p class="note">a &lt; b <b>bold</b></p>')

Everything that is not `Markup` already is escaped, and control characters and direction marks in
it are made visible; so whoever builds a page from these functions cannot forget to. `foreign` is
for long texts that a model wrote: it marks each such character, so that a reader sees that it is
not part of the words.
"""

from collections.abc import Iterable
from typing import Final, TypeAlias

from markupsafe import Markup, escape

from preamblelab.report.escaping import CONTROL, for_terminal, named

__all__ = ["Child", "Markup", "element", "foreign", "joined", "text"]

Child: TypeAlias = "str | int | float | Markup | Iterable[Child] | None"
"""What may stand inside an element; nothing stands for None."""

Value: TypeAlias = "str | int | float | bool | None"

_VOID: Final = frozenset({"br", "col", "hr", "img", "input", "link", "meta"})
_EMPTY_CLOSES: Final = frozenset({"circle", "line", "path", "rect", "use"})


def element(tag: str, *children: Child, **attributes: Value) -> Markup:
    """One element.

    Args:
        tag: its name; ours, never foreign text.
        children: texts, numbers, elements, or iterables of them.
        attributes: `class_` stands for `class`, `aria_label` for `aria-label`; None and False
            leave an attribute out, True gives it no value.
    """
    told = "".join(_attribute(name, value) for name, value in attributes.items())
    if tag in _VOID:
        return Markup(f"<{tag}{told}>")  # noqa: S704 - tag is ours, the values are escaped
    inside = joined(children)
    if not inside and tag in _EMPTY_CLOSES:
        return Markup(f"<{tag}{told}/>")  # noqa: S704 - as above
    return Markup(f"<{tag}{told}>{inside}</{tag}>")  # noqa: S704 - as above, and so are children


def joined(children: Iterable[Child]) -> Markup:
    """Children one after the other."""
    return Markup("").join(_parts(children))


def text(words: str) -> Markup:
    """A text, escaped, with what cannot be seen in it made visible."""
    return escape(for_terminal(words))


def foreign(words: str) -> Markup:
    r"""A text that a model wrote, escaped, each character that cannot be seen in a mark of its own.

    A reader of the page sees `\u202e` with the class `unseen`, and no text turns around.
    """
    shown = words.encode("utf-8", "backslashreplace").decode("utf-8")
    parts: list[Markup] = []
    place = 0
    for found in CONTROL.finditer(shown):
        parts.append(escape(shown[place : found.start()]))
        parts.append(element("span", named(found[0]), class_="unseen"))
        place = found.end()
    parts.append(escape(shown[place:]))
    return Markup("").join(parts)


def _parts(children: Iterable[Child]) -> Iterable[Markup]:
    for child in children:
        if child is None:
            continue
        if isinstance(child, Markup):
            yield child
        elif isinstance(child, str):
            yield text(child)
        elif isinstance(child, int | float):
            yield Markup(_number(child))  # noqa: S704 - digits
        else:
            yield from _parts(child)


def _attribute(name: str, value: Value) -> str:
    if value is None or value is False:
        return ""
    told = name.rstrip("_").replace("_", "-")
    if value is True:
        return f" {told}"
    shown = text(value) if isinstance(value, str) else _number(value)
    return f' {told}="{shown}"'


def _number(value: float) -> str:
    """A number with at most two decimals: a hundredth of a pixel is not seen."""
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
