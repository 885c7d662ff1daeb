"""Owns the circuit breaker: notices, while a text streams in, that it repeats itself."""

from dataclasses import dataclass

from preamblelab.execution.loops import (
    Level,
    Run,
    Texture,
    Work,
    common_tail,
    copying_distance,
    counted_run,
    few_lines,
    level_of,
    periodic_runs,
    rewriting_cost,
    same_list_items,
    texture,
)

__all__ = ["DEFAULT", "Breaker", "BreakerSettings", "Loop", "find_loop"]

TICK = 17
"""Characters between two looks. Prime, so that looks fall on every phase of a period."""
SLACK = 4_096
"""Characters kept beyond the window before it is cut: cutting at every look would copy it."""
REACHES = ((64, 6_144), (16, 2_048), (1, 512))
"""Every so many looks, periods up to so many characters: a long period has time."""
LIST_TAIL = 1_500
COUNTED_REACH = 1_500
COUNTED_TAIL = 4_096
LINES_TAIL = 8_192
QUICK_SPAN = 3_072
QUICK_BEFORE = 4_096


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """A text that repeats itself.

    Attributes:
        level: What repeats: a block of lines, a line, a phrase or single characters.
        onset: Character index where the repetition begins (for near repetition: where it had
            begun at the latest).
        period: Characters of one repetition; approximate for near repetition.
        repeats: How often the period had been seen when it was noticed.
        at: Characters of the text that were needed to notice it. Never more than were fed.
        exact: True for an exact period, False for a counter, a drift or a rewriting.
    """

    level: Level
    onset: int
    period: int
    repeats: float
    at: int
    exact: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerSettings:
    """Thresholds; design/breaker.md gives the largest clean text measured against each.

    Attributes:
        window: Characters remembered.
        repeats: Repetitions that a worded exact loop needs.
        worded: Characters that an exact loop of words must last.
        few: Repetitions below which it must last `worded_few` characters.
        worded_few: See `few`: a verse of four lines is no loop.
        sparse: The same where one repetition holds 1 to 5 different letters (`null, `, DNA).
        bare: The same where it holds none (empty rows, drawings, digits) or one character only.
        bare_repeats: Repetitions that sparse and bare loops need.
        link: Characters of an exact stretch that counts towards a chain of such stretches.
        link_repeats: Repetitions that such a stretch needs.
        chain: Characters that the stretches of a chain must add up to.
        chain_span: Characters within which they must lie.
        items: Equal complete items of a numbered list.
        item_characters: Characters that these items must last.
        item_letters: Letters that one item must hold.
        counted: Characters that a worded loop with counting numbers must last.
        counted_repeats: Repetitions that it needs.
        lines: Last complete lines among which few different ones are looked for.
        line_characters: Characters that these lines must last.
        line_share: Share of different lines among them, 0..1, at most.
        rewriting: Triples of (characters that must be copied, deflated bytes per 1,000 of them at
            most, shares of that stretch which the copying distance may be at most).
    """

    window: int = 20_000
    repeats: float = 3.75
    worded: int = 412
    few: float = 6.0
    worded_few: int = 480
    sparse: int = 580
    bare: int = 980
    bare_repeats: float = 12.0
    link: int = 150
    link_repeats: float = 8.0
    chain: int = 700
    chain_span: int = 1_500
    items: int = 7
    item_characters: int = 450
    item_letters: int = 40
    counted: int = 2_600
    counted_repeats: float = 14.0
    lines: int = 48
    line_characters: int = 2_000
    line_share: float = 0.2
    rewriting: tuple[tuple[int, float, float], ...] = (
        (3_072, 17.0, 0.4),
        (4_096, 16.0, 0.75),
    )

    @property
    def shortest(self) -> int:
        """Characters of the shortest loop there can be; a shorter text need not be looked at."""
        lengths = (
            self.worded, self.worded_few, self.sparse, self.bare, self.chain,
            self.item_characters, self.counted, self.line_characters,
        )  # fmt: skip
        return min(*lengths, *(span for span, _, _ in self.rewriting), self.window)

    def is_loop(self, run: Run, kind: Texture) -> bool:
        """Say whether an exactly periodic stretch of this texture is a loop."""
        if kind == "worded":
            needed = self.worded if run.repeats >= self.few else self.worded_few
            return run.repeats >= self.repeats and run.length >= needed
        needed = self.sparse if kind == "sparse" else self.bare
        return run.repeats >= self.bare_repeats and run.length >= needed


DEFAULT = BreakerSettings()


class Breaker:
    """Watches one stream.

    The text is looked at after every 17 characters, whatever pieces it comes in, so that the
    result does not depend on the pieces; the first looks wait until there is room for the
    shortest loop. Short periods are looked for every time, long ones
    less often.
    """

    __slots__ = (
        "_chain",
        "_length",
        "_looks",
        "_loop",
        "_next",
        "_pending",
        "_settings",
        "_window",
        "work",
    )

    def __init__(self, *, settings: BreakerSettings = DEFAULT) -> None:
        self._settings = settings
        self._window = ""
        self._pending: list[str] = []
        self._length = 0
        # Most answers of a cheap matrix end before this: they cost nothing.
        self._next = max(TICK, -(-settings.shortest // TICK) * TICK)
        self._looks = 0
        self._chain: list[tuple[int, int]] = []
        self._loop: Loop | None = None
        self.work = Work()

    @property
    def text_length(self) -> int:
        """Characters fed so far."""
        return self._length

    @property
    def remembered(self) -> int:
        """Characters held in memory now."""
        return len(self._window) + sum(map(len, self._pending))

    def feed(self, text: str) -> Loop | None:
        """Take the next piece of the stream; return the loop once there is one.

        Args:
            text: Any number of characters.

        Returns:
            None while the text is sound; the same `Loop` ever after it was found.
        """
        self._length += len(text)
        if self._loop is not None:
            return self._loop
        self._pending.append(text)
        if self._length >= self._next:
            self._loop = self._look_at(text if len(self._pending) == 1 else "".join(self._pending))
        return self._loop

    def _look_at(self, fresh: str) -> Loop | None:
        """Move the window over whole ticks of `fresh` and look at each."""
        size = self._settings.window
        # Only one name may hold the string while it grows: Python then extends it in place.
        window, self._window = self._window, ""
        start = 0
        while start + TICK <= len(fresh):
            window += fresh[start : start + TICK]
            start += TICK
            if len(window) > size + SLACK:
                window = window[-size:]
            loop = self._look(window)
            if loop is not None:
                self._pending = []
                return loop
        self._next = (self._looks + 1) * TICK
        self._window = window
        self._pending = [fresh[start:]] if start < len(fresh) else []
        return None

    def _look(self, window: str) -> Loop | None:
        """Look once; the window ends at the tick."""
        self._looks += 1
        looks = self._looks
        reach = next(reach for every, reach in REACHES if looks % every == 0)
        loop = self._exact(window, reach)
        if loop is None and looks % 16 == 0:
            loop = self._listed(window)
        if loop is None and looks % 32 == 0:
            loop = self._counted(window) or self._shuffled(window)
        if loop is None and looks % 64 == 0:
            loop = self._rewritten(window)
        return loop

    def _found(self, window: str, run: Run, *, exact: bool) -> Loop:
        at = self._looks * TICK
        return Loop(
            level=level_of(window[-run.period :]),
            onset=at - run.length,
            period=run.period,
            repeats=run.repeats,
            at=at,
            exact=exact,
        )

    def _exact(self, window: str, reach: int) -> Loop | None:
        """Find one exact period, or a chain of shorter ones."""
        settings = self._settings
        for run in periodic_runs(window, reach, self.work):
            if run.length < settings.link or run.repeats < settings.repeats:
                continue
            kind = texture(window[-run.period :])
            if settings.is_loop(run, kind):
                return self._found(window, run, exact=True)
            if kind == "worded" and run.repeats >= settings.link_repeats:
                return self._chained(window, run)
        return None

    def _chained(self, window: str, run: Run) -> Loop | None:
        """Add up exact stretches that follow each other: a loop whose phrase drifts."""
        settings = self._settings
        at = self._looks * TICK
        start = at - run.length
        chain = [link for link in self._chain if link[1] > at - settings.chain_span]
        while chain and chain[-1][1] >= start:
            start = min(start, chain.pop()[0])
        chain.append((start, at))
        self._chain = chain
        if sum(stop - begin for begin, stop in chain) < settings.chain:
            return None
        whole = Run(period=run.period, length=at - chain[0][0])
        return self._found(window, whole, exact=False)

    def _listed(self, window: str) -> Loop | None:
        """Find a numbered list whose items all say the same."""
        settings = self._settings
        tail = window[-LIST_TAIL:]
        run, count = same_list_items(tail, self.work)
        if count < settings.items or run.length < settings.item_characters:
            return None
        letters = sum(map(str.isalpha, tail[-run.period :]))
        return self._found(window, run, exact=False) if letters >= settings.item_letters else None

    def _counted(self, window: str) -> Loop | None:
        """Find a long loop that only counts on."""
        settings = self._settings
        if len(window) < settings.counted:
            return None
        run = counted_run(window[-COUNTED_TAIL:], COUNTED_REACH, self.work)
        if (
            run is None
            or run.length < settings.counted
            or run.repeats < settings.counted_repeats
            or texture(window[-run.period :]) != "worded"
        ):
            return None
        return self._found(window, run, exact=False)

    def _shuffled(self, window: str) -> Loop | None:
        """Find the same few lines coming again and again in any order."""
        settings = self._settings
        if len(window) < settings.line_characters:
            return None
        found = few_lines(window[-LINES_TAIL:], settings.lines, self.work)
        if found is None:
            return None
        run, share = found
        if share > settings.line_share or run.length < settings.line_characters:
            return None
        return self._found(window, run, exact=False)

    def _rewritten(self, window: str) -> Loop | None:
        """Find a text that for a long while only copies what stands shortly before it."""
        if len(window) < QUICK_SPAN:
            return None
        quick = rewriting_cost(window, QUICK_SPAN, QUICK_BEFORE, self.work)
        highest = max(most for _, most, _ in self._settings.rewriting)
        # A longer dictionary cannot help much where the shorter one left four times too much.
        if quick > 4 * highest:
            return None
        for span, most, share in self._settings.rewriting:
            if len(window) < span:
                break
            if rewriting_cost(window, span, len(window) - span, self.work) > most:
                continue
            distance = copying_distance(window, span, self.work)
            if distance <= share * span and texture(window[-span:]) == "worded":
                period = max(1, round(distance))
                same = common_tail(window, period, self.work) + period
                run = Run(period=period, length=max(same, span))
                return self._found(window, run, exact=same >= span)
        return None


def find_loop(text: str, *, settings: BreakerSettings = DEFAULT, chunk: int = 64) -> Loop | None:
    """Apply the rule to a finished text as if it had been streamed.

    Args:
        text: The whole text.
        settings: Thresholds.
        chunk: Characters of each piece, at least 1; the result is the same for every size.

    Raises:
        ValueError: `chunk` is below 1.
    """
    if chunk < 1:
        raise ValueError(f"chunk is {chunk}; a piece of a stream holds at least 1 character")
    breaker = Breaker(settings=settings)
    for start in range(0, len(text), chunk):
        loop = breaker.feed(text[start : start + chunk])
        if loop is not None:
            return loop
    return None
