"""What simulated models know about testing the lending shelf; every right test passes on it."""

from typing import Final

from preamblelab.execution.simulation.knowledge import Known, Passage, TestKnowledge

_DAY: Final = "date(2026, 3, 2)"

_ADDING: Final = (
    Passage(
        case="a blank name",
        name="refuses a blank name",
        body='with pytest.raises(LendingError, match="an item needs a name"):\n    shelf.add("  ")',
        wrong=("an item needs a name", "name must not be empty"),
        group="adding",
    ),
    Passage(
        case="a name that is not a string",
        name="refuses a name that is not a string",
        body='with pytest.raises(LendingError, match="an item needs a name"):\n    shelf.add(None)',
        wrong=("LendingError", "TypeError"),
        group="adding",
    ),
    Passage(
        case="the same item added twice",
        name="refuses an item that is added twice",
        body='shelf.add("drill")\n'
        'with pytest.raises(LendingError, match="already on the shelf") as caught:\n'
        '    shelf.add("drill")\n'
        'assert caught.value.item == "drill"',
        wrong=('== "drill"', '== "Drill"'),
        group="adding",
    ),
    Passage(
        case="a new item that nobody has lent yet",
        name="does not call a new item overdue",
        body=f'shelf.add("tent")\nassert shelf.overdue({_DAY}) == []',
        wrong=("== []", '== ["tent"]'),
        group="adding",
    ),
)

_LENDING: Final = (
    Passage(
        case="an unknown item",
        name="refuses to lend an unknown item",
        body='with pytest.raises(LendingError, match="not on the shelf"):\n'
        f'    shelf.lend("ladder", {_DAY})',
        wrong=("not on the shelf", "unknown item"),
        group="lending",
    ),
    Passage(
        case="an item lent twice",
        name="refuses an item that is already lent",
        body=f'shelf.add("drill")\nshelf.lend("drill", {_DAY})\n'
        'with pytest.raises(LendingError, match="already lent"):\n'
        f'    shelf.lend("drill", {_DAY})',
        wrong=("already lent", "not available"),
        group="lending",
    ),
    Passage(
        case="a loan of zero days",
        name="refuses a loan of zero days",
        body='shelf.add("drill")\n'
        'with pytest.raises(LendingError, match="lend for 1 to 28 days"):\n'
        f'    shelf.lend("drill", {_DAY}, days=0)',
        wrong=("LendingError", "ValueError"),
        group="lending",
    ),
    Passage(
        case="the shortest loan of one day",
        name="lends for a single day",
        body=f'shelf.add("drill")\nassert shelf.lend("drill", {_DAY}, days=1) == date(2026, 3, 3)',
        wrong=("date(2026, 3, 3)", "date(2026, 3, 4)"),
        group="lending",
    ),
    Passage(
        case="the longest loan of 28 days",
        name="lends for the longest time of 28 days",
        body='shelf.add("drill")\n'
        f'assert shelf.lend("drill", {_DAY}, days=28) == date(2026, 3, 30)',
        wrong=("date(2026, 3, 30)", "date(2026, 3, 29)"),
        group="lending",
    ),
    Passage(
        case="a loan of 29 days, one day too long",
        name="refuses a loan of 29 days",
        body='shelf.add("drill")\n'
        'with pytest.raises(LendingError, match="lend for 1 to 28 days"):\n'
        f'    shelf.lend("drill", {_DAY}, days=29)',
        wrong=("1 to 28 days", "1 to 30 days"),
        group="lending",
    ),
    Passage(
        case="the default of seven days",
        name="lends for seven days by default",
        body=f'shelf.add("tent")\nassert shelf.lend("tent", {_DAY}) == date(2026, 3, 9)',
        wrong=("date(2026, 3, 9)", "date(2026, 3, 10)"),
        group="lending",
    ),
)

_RETURNING: Final = (
    Passage(
        case="an item given back late",
        name="counts the days of an item given back late",
        body=f'shelf.add("tent")\nshelf.lend("tent", {_DAY})\n'
        'assert shelf.give_back("tent", date(2026, 3, 12)) == 3',
        wrong=("== 3", "== 10"),
        group="returning",
    ),
    Passage(
        case="an item given back on the due day",
        name="finds an item given back on the due day in time",
        body=f'shelf.add("tent")\nshelf.lend("tent", {_DAY})\n'
        'assert shelf.give_back("tent", date(2026, 3, 9)) == 0',
        wrong=("== 0", "== 1"),
        group="returning",
    ),
    Passage(
        case="an item given back though it was not lent",
        name="refuses to take back an item that is not lent",
        body='shelf.add("tent")\n'
        'with pytest.raises(LendingError, match="not lent") as caught:\n'
        f'    shelf.give_back("tent", {_DAY})\n'
        'assert caught.value.item == "tent"',
        wrong=('match="not lent"', 'match="never borrowed"'),
        group="returning",
    ),
    Passage(
        case="an item that is due today",
        name="does not call an item overdue that is due today",
        body=f'shelf.add("tent")\nshelf.lend("tent", {_DAY})\n'
        "assert shelf.overdue(date(2026, 3, 9)) == []",
        wrong=("== []", '== ["tent"]'),
        group="returning",
    ),
    Passage(
        case="the sorted order of overdue items",
        name="lists overdue items sorted by name",
        body='for item in ("tent", "drill"):\n'
        f"    shelf.add(item)\n    shelf.lend(item, {_DAY}, days=2)\n"
        'assert shelf.overdue(date(2026, 3, 9)) == ["drill", "tent"]',
        wrong=('["drill", "tent"]', '["tent", "drill"]'),
        group="returning",
    ),
    Passage(
        case="an item lent again after it came back",
        name="lends an item again after it came back",
        body=f'shelf.add("tent")\nshelf.lend("tent", {_DAY})\n'
        'shelf.give_back("tent", date(2026, 3, 5))\n'
        'assert shelf.lend("tent", date(2026, 3, 6)) == date(2026, 3, 13)',
        wrong=("date(2026, 3, 13)", "date(2026, 3, 16)"),
        group="returning",
    ),
)

LENDING: Final = Known(
    task="lending-tests",
    mark="class LendingShelf",
    knowledge=TestKnowledge(
        language="python",
        imports="from datetime import date\n\nimport pytest\n\n"
        "from lending import LendingError, LendingShelf",
        subject="shelf",
        setup="shelf = LendingShelf()",
        passages=(*_ADDING, *_LENDING, *_RETURNING),
        strategies=(
            (
                "My strategy is to test each method of LendingShelf by itself, first "
                "what it accepts, then what it refuses."
            ),
            (
                "I will go through add, lend, give_back and overdue in turn and test "
                "each rule at its limit and one step beyond."
            ),
        ),
        reasons=(
            "Each test has a shelf of its own, so that no test depends on another.",
            "The messages are asserted because the same error class stands for every rule.",
            "Fixed dates are used to make sure that the tests pass on any day.",
        ),
    ),
)
