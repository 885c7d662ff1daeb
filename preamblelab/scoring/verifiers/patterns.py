"""Regular expressions of the task's author on a model's text, stopped when they run away."""

import regex

from preamblelab.domain.verifiers import compile_pattern
from preamblelab.scoring.verifiers.verification import UnverifiableError


def find(
    pattern: str, text: str, *, seconds: float, ignore_case: bool = False, whole: bool = False
) -> regex.Match[str] | None:
    """The first match of a pattern, or None.

    Args:
        pattern: in the syntax of the `regex` module.
        text: what is searched.
        seconds: the longest that the search may take.
        ignore_case: whether letter case does not count.
        whole: whether the pattern must match the whole text.

    Raises:
        UnverifiableError: it takes longer.
    """
    compiled = compile_pattern(pattern, ignore_case=ignore_case)
    search = compiled.fullmatch if whole else compiled.search
    try:
        return search(text, timeout=seconds)
    except TimeoutError:
        raise UnverifiableError(
            f"the pattern '{pattern[:80]}' took longer than {seconds:g} s on this answer; "
            "write it without one repetition inside another"
        ) from None
