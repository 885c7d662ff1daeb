"""Draws the arguments of a property: the ends of every range first, then by the seed."""

import random
from typing import Any, assert_never

from preamblelab.domain.draws import (
    Draw,
    DrawBoolean,
    DrawInteger,
    DrawList,
    DrawNumber,
    DrawOneOf,
    DrawText,
)
from preamblelab.domain.evidence import Property

Random = random.Random


def arguments_of(given: Property) -> list[list[Any]]:
    """The arguments of each example, the same for the same property.

    Equal examples are drawn once, so that a small range gives fewer than `examples`.
    """
    chance = Random(f"{given.call}/{given.holds}/{given.seed}")
    corners = [_corners(draw, chance) for draw in given.draw]
    most = max(map(len, corners))
    found = [[each[min(place, len(each) - 1)] for each in corners] for place in range(most)]
    found += [[_drawn(draw, chance) for draw in given.draw] for _ in range(3 * given.examples)]
    distinct: dict[str, list[Any]] = {}
    for arguments in found:
        distinct.setdefault(repr(arguments), arguments)
    return list(distinct.values())[: given.examples]


def shuffled(given: Property, items: list[Any]) -> list[Any]:
    """The items in another order: backwards where they are few, else drawn."""
    chance = Random(f"{given.call}/{given.seed}/{len(items)}")
    other = items[::-1] if len(items) < 4 else chance.sample(items, len(items))
    return other if other != items else items[::-1]


def _corners(draw: Draw, chance: Random) -> list[Any]:
    """The smallest, the greatest, and nothing, where the range holds it."""
    match draw:
        case DrawInteger() | DrawNumber():
            low, high = draw.between
            return [low, high, *([0] if low < 0 < high else [])]
        case DrawText():
            return [_text(draw, length, chance) for length in draw.length]
        case DrawBoolean():
            return [False, True]
        case DrawOneOf():
            return list(draw.values)
        case DrawList():
            low, high = (int(each) for each in draw.length)
            same = _drawn(draw.of, chance)
            return [_list(draw, low, chance), _list(draw, high, chance), [same] * min(high, 3)]
        case _:
            assert_never(draw)


def _drawn(draw: Draw, chance: Random) -> Any:
    match draw:
        case DrawInteger():
            return chance.randint(*draw.between)
        case DrawNumber():
            return round(chance.uniform(*draw.between), draw.places)
        case DrawText():
            return _text(draw, chance.randint(*draw.length), chance)
        case DrawBoolean():
            return chance.random() < 0.5
        case DrawOneOf():
            return chance.choice(draw.values)
        case DrawList():
            return _list(draw, chance.randint(*draw.length), chance)
        case _:
            assert_never(draw)


def _text(draw: DrawText, length: int, chance: Random) -> str:
    return "".join(chance.choice(draw.letters) for _ in range(length))


def _list(draw: DrawList, length: int, chance: Random) -> list[Any]:
    return [_drawn(draw.of, chance) for _ in range(length)]
