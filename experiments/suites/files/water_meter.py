"""Readings of a water meter that counts cubic metres with five digits."""

from itertools import pairwise


class ReadingError(ValueError):
    """A reading that cannot be right; `reading` is its value."""

    def __init__(self, message, reading):
        super().__init__(message)
        self.reading = reading


class WaterMeter:
    """Counts to 99999 and then begins at 0 again."""

    TURN = 100_000

    def __init__(self, start=0, most_per_day=50):
        self._check(start)
        if most_per_day <= 0:
            raise ValueError("most_per_day must be above 0")
        self._readings = [(0, start)]
        self._most = most_per_day

    @classmethod
    def _check(cls, reading):
        if isinstance(reading, bool) or not isinstance(reading, int):
            raise ReadingError("a reading is a whole number", reading)
        if reading < 0 or reading >= cls.TURN:
            raise ReadingError("the meter has five digits", reading)

    def read(self, day, reading):
        """Keep the reading of a day; give the cubic metres used since the last one."""
        self._check(reading)
        last_day, last = self._readings[-1]
        if day <= last_day:
            raise ReadingError(f"day {day} does not come after day {last_day}", reading)
        used = (reading - last) % self.TURN
        if used > self._most * (day - last_day):
            raise ReadingError(f"{used} cubic metres in {day - last_day} days", reading)
        self._readings.append((day, reading))
        return used

    def used(self):
        """Cubic metres since the first reading, over all turns of the meter."""
        pairs = pairwise(self._readings)
        return sum((later - before) % self.TURN for (_, before), (_, later) in pairs)

    def bill(self, cents=250, free=10):
        """What is owed, in cents: the first `free` cubic metres cost nothing."""
        if len(self._readings) < 2:
            raise ReadingError("nothing was read yet", None)
        return max(0, self.used() - free) * cents

    def leaks(self, at_least=3):
        """Whether the last `at_least` readings each used more than half of what is possible."""
        rates = [
            (later - before) % self.TURN / (day - last_day)
            for (last_day, before), (day, later) in pairwise(self._readings)
        ]
        return len(rates) >= at_least and all(rate > self._most / 2 for rate in rates[-at_least:])
