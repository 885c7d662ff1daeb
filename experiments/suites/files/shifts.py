"""Shifts of a day, written as "08:30-12:00"."""

import re

_SHIFT = re.compile(r"(\d{2}):(\d{2})-(\d{2}):(\d{2})")


class ShiftError(ValueError):
    """A shift that cannot be worked; `text` is the shift as it was written."""

    def __init__(self, message, text):
        super().__init__(f"{message}: {text!r}")
        self.text = text


def parse_shift(text):
    """Begin and end in minutes from midnight; an end of 24:00 is allowed."""
    found = _SHIFT.fullmatch(text.strip())
    if found is None:
        raise ShiftError("write HH:MM-HH:MM", text)
    hour, minute, last_hour, last_minute = (int(part) for part in found.groups())
    if minute > 59 or last_minute > 59:
        raise ShiftError("an hour has 60 minutes", text)
    begin, end = hour * 60 + minute, last_hour * 60 + last_minute
    if end > 1440:
        raise ShiftError("a day has 24 hours", text)
    if begin >= end:
        raise ShiftError("a shift ends after it begins", text)
    return begin, end


def paid_minutes(text):
    """Minutes paid for: a shift of more than six hours has an unpaid half hour."""
    begin, end = parse_shift(text)
    return end - begin - (30 if end - begin > 360 else 0)


def overlaps(one, other):
    """Whether two shifts share a minute; one may begin when the other ends."""
    (begin, end), (other_begin, other_end) = parse_shift(one), parse_shift(other)
    return begin < other_end and other_begin < end


def plan(shifts, limit=600):
    """Paid minutes by name, of (name, shift) pairs; nobody works twice at once or beyond `limit`.

    Raises ShiftError for the first shift in the list that does not fit.
    """
    worked, totals = {}, {}
    for name, text in shifts:
        if any(overlaps(text, before) for before in worked.get(name, ())):
            raise ShiftError(f"{name} works already", text)
        totals[name] = totals.get(name, 0) + paid_minutes(text)
        if totals[name] > limit:
            raise ShiftError(f"{name} works more than {limit} minutes", text)
        worked.setdefault(name, []).append(text)
    return totals
