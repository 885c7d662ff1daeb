"""What simulated models know about testing the booking rules; every right test passes on them."""

from typing import Final

from preamblelab.execution.simulation.knowledge import Known, Passage, TestKnowledge

_ROOMS: Final = (
    Passage(
        case="a room that exists",
        name="accepts a room that exists",
        body="expect(rules.checkRoom('B7')).toBe(true);",
        wrong=("toBe(true)", "toBe('B7')"),
        group="checkRoom",
    ),
    Passage(
        case="an unknown room",
        name="refuses an unknown room",
        body="expect(() => rules.checkRoom('E1')).toThrow('Unknown room');",
        wrong=("'Unknown room'", "'Room not found'"),
        group="checkRoom",
    ),
    Passage(
        case="a room that is not a string",
        name="refuses a room that is not a string",
        body="expect(() => rules.checkRoom(17)).toThrow('Unknown room');",
        wrong=("'Unknown room'", "'Room must be a string'"),
        group="checkRoom",
    ),
)

_GUESTS: Final = (
    Passage(
        case="a single guest, the lower limit",
        name="accepts a single guest",
        body="expect(rules.checkGuests(1)).toBe(true);",
        wrong=("checkGuests(1)", "checkGuests('1')"),
        group="checkGuests",
    ),
    Passage(
        case="four guests, the upper limit",
        name="accepts four guests",
        body="expect(rules.checkGuests(4)).toBe(true);",
        wrong=("toBe(true)", "toBe(4)"),
        group="checkGuests",
    ),
    Passage(
        case="five guests, one too many",
        name="refuses five guests",
        body="expect(() => rules.checkGuests(5)).toThrow('At most four guests');",
        wrong=("'At most four guests'", "'Too many guests'"),
        group="checkGuests",
    ),
    Passage(
        case="zero guests",
        name="refuses zero guests and names the field",
        body="expect(() => rules.checkGuests(0)).toThrow(\n"
        "  expect.objectContaining({ message: 'At least one guest', field: 'guests' }),\n);",
        wrong=("field: 'guests'", "field: 'guest'"),
        group="checkGuests",
    ),
    Passage(
        case="guests that are no whole number",
        name="refuses guests that are no whole number",
        body="expect(() => rules.checkGuests(2.5)).toThrow('Guests must be a whole number');",
        wrong=("'Guests must be a whole number'", "'Guests must be an integer'"),
        group="checkGuests",
    ),
)

_NIGHTS: Final = (
    Passage(
        case="no nights at all",
        name="refuses zero nights",
        body="expect(() => rules.checkNights(0)).toThrow('Stay for 1 to 14 nights');",
        wrong=("'Stay for 1 to 14 nights'", "'At least one night'"),
        group="checkNights",
    ),
    Passage(
        case="the longest stay of 14 nights",
        name="accepts the longest stay of 14 nights",
        body="expect(rules.checkNights(14)).toBe(true);",
        wrong=("checkNights(14)", "checkNights(15)"),
        group="checkNights",
    ),
    Passage(
        case="a stay of 15 nights, too long by one",
        name="refuses 15 nights and names the field",
        body="expect(() => rules.checkNights(15)).toThrow(\n"
        "  expect.objectContaining({ message: 'Stay for 1 to 14 nights', field: 'nights' }),\n);",
        wrong=("1 to 14 nights", "at most 14 nights"),
        group="checkNights",
    ),
    Passage(
        case="nights that are a string",
        name="refuses nights that are a string",
        body="expect(() => rules.checkNights('3')).toThrow('Nights must be a whole number');",
        wrong=("'Nights must be a whole number'", "'Nights must be a number'"),
        group="checkNights",
    ),
)

_BOOKING: Final = (
    Passage(
        case="a whole booking that is accepted",
        name="accepts a booking of a free room",
        body="await expect(rules.checkBooking(booking)).resolves.toEqual({\n"
        "  room: 'B7',\n  day: '2026-05-01',\n  accepted: true,\n});",
        wrong=("accepted: true", "accepted: 'yes'"),
        group="checkBooking",
        awaits=True,
    ),
    Passage(
        case="a room that is taken",
        name="refuses a room that is taken",
        body="const taken = new BookingRules({ isFree: async () => false });\n"
        "await expect(taken.checkBooking(booking)).rejects.toMatchObject({\n"
        "  message: 'Room is taken',\n  field: 'room',\n});",
        wrong=("'Room is taken'", "'Room is not available'"),
        group="checkBooking",
        awaits=True,
    ),
    Passage(
        case="one fault in a booking",
        name="reports one fault with its field",
        body="const long = { ...booking, nights: 15 };\n"
        "await expect(rules.checkBooking(long)).rejects.toMatchObject({\n"
        "  field: 'booking',\n  problems: [{ field: 'nights' }],\n});",
        wrong=("field: 'booking'", "field: 'nights'"),
        group="checkBooking",
        awaits=True,
    ),
    Passage(
        case="several faults at once",
        name="collects several faults at once",
        body="const bad = { ...booking, room: 'Z9', guests: 0, nights: 0 };\n"
        "await expect(rules.checkBooking(bad)).rejects.toMatchObject({\n"
        "  message: 'Booking refused',\n"
        "  problems: [{ field: 'room' }, { field: 'guests' }, { field: 'nights' }],\n});",
        wrong=(
            "[{ field: 'room' }, { field: 'guests' }",
            "[{ field: 'guests' }, { field: 'room' }",
        ),
        group="checkBooking",
        awaits=True,
    ),
    Passage(
        case="a calendar that fails",
        name="passes on the error when the calendar fails",
        body="const down = new BookingRules({\n  isFree: async () => {\n"
        "    throw new Error('calendar is down');\n  },\n});\n"
        "await expect(down.checkBooking(booking)).rejects.toThrow('calendar is down');",
        wrong=("toThrow('calendar is down')", "toThrow('Room is taken')"),
        group="checkBooking",
        awaits=True,
    ),
)

BOOKING: Final = Known(
    task="booking-tests",
    mark="class BookingRules",
    knowledge=TestKnowledge(
        language="javascript",
        imports="const { BookingRules, BookingError } = require('./bookingRules');\n\n"
        "const calendar = { isFree: async () => true };\n"
        "const booking = { room: 'B7', guests: 2, nights: 3, day: '2026-05-01' };",
        subject="rules",
        setup="rules = new BookingRules(calendar);",
        passages=(*_ROOMS, *_GUESTS, *_NIGHTS, *_BOOKING),
        strategies=(
            (
                "My strategy is to test checkRoom, checkGuests and checkNights by "
                "themselves, then the asynchronous checkBooking, whose promise has to be awaited."
            ),
            (
                "I will group the tests by method, go to each limit and one step beyond, and await "
                "checkBooking because it is async."
            ),
        ),
        reasons=(
            "Messages and fields are asserted because every rule throws the same error class.",
            "Each test has rules of its own so that no test depends on another.",
            "checkBooking returns a promise, so each test awaits it; otherwise it always passes.",
        ),
    ),
)
