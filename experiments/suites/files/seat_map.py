"""Seats of a small theatre: held for a while, then sold or free again."""


class SeatError(Exception):
    """A seat that cannot be had; `seat` says which, `code` why."""

    def __init__(self, message, seat, code):
        super().__init__(message)
        self.seat = seat
        self.code = code


class SeatMap:
    """Rows from A on, seats from 1 on; a hold ends after ten minutes."""

    HOLD_MINUTES = 10

    def __init__(self, rows, seats):
        if not 1 <= rows <= 26:
            raise ValueError("1 to 26 rows")
        if seats < 1:
            raise ValueError("at least one seat in a row")
        self._rows, self._seats = rows, seats
        self._held, self._sold = {}, {}

    def place(self, seat):
        """Row and number, from 0, of a seat such as "B7"."""
        row, number = ord(seat[:1].upper() or " ") - ord("A"), seat[1:]
        if not number.isdecimal() or number.startswith("0"):
            raise SeatError(f"no seat: {seat}", seat, "unknown")
        if not 0 <= row < self._rows or int(number) > self._seats:
            raise SeatError(f"no such seat here: {seat}", seat, "unknown")
        return row, int(number) - 1

    def hold(self, seat, guest, minute):
        """Hold a free seat; a guest who holds it already begins anew."""
        place = self.place(seat)
        if place in self._sold:
            raise SeatError("already sold", seat, "sold")
        holder, until = self._held.get(place, (guest, minute))
        if holder != guest and minute < until:
            raise SeatError("held by somebody else", seat, "held")
        self._held[place] = (guest, minute + self.HOLD_MINUTES)

    def sell(self, seat, guest, minute):
        """Sell a seat to the guest who holds it."""
        place = self.place(seat)
        holder, until = self._held.get(place, (None, 0))
        if holder != guest:
            raise SeatError("not held by this guest", seat, "not held")
        if minute > until:
            raise SeatError("the hold is over", seat, "late")
        del self._held[place]
        self._sold[place] = guest

    def free(self, minute):
        """How many seats can be held by anybody."""
        held = sum(minute < until for _, until in self._held.values())
        return self._rows * self._seats - len(self._sold) - held
