"""The provider `sim/`: models that answer offline, whose true response to a preamble is known."""

import json
import os
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from preamblelab.errors import ProviderError
from preamblelab.execution.providers import Piece
from preamblelab.execution.simulation.judging import JUDGES, judge
from preamblelab.execution.simulation.memory import recall
from preamblelab.execution.simulation.perception import (
    CHARACTERS_PER_TOKEN,
    Perceived,
    count_tokens,
    perceive,
    read_guidance,
    read_order,
)
from preamblelab.execution.simulation.profiles import PROFILES, Profile
from preamblelab.execution.simulation.skill import draw_skill
from preamblelab.execution.simulation.writing import Answer, write

__all__ = ["PROFILES", "Profile", "SimulatedProvider"]

_SHORTEST_PIECE: Final = 20
_LONGEST_PIECE: Final = 60


class SimulatedProvider:
    """Answers as the profiles say, from nothing but the messages and settings of the call.

    The same model, messages and `seed` give the same text; without a seed each call draws anew.
    At temperature 0 the model is greedy: the seed has no say. What two calls cannot be told apart
    by (a system message that the chat template drops) cannot make their texts differ.
    """

    name = "sim"

    def stream(
        self, model: str, messages: Sequence[Mapping[str, Any]], settings: Mapping[str, Any]
    ) -> Iterator[Piece]:
        """The answer in pieces of 20 to 60 characters; the last carries finish and token counts.

        A judge's verdict comes in one piece.

        Args:
            model: name of a model or of a judge, without `sim/`.
            messages: role and content.
            settings: `temperature`, `seed`, `max_tokens` (or `max_completion_tokens`), `stop`,
                `num_ctx`, `repeat_penalty` and its kin; others have no influence.

        Raises:
            LookupError: there is no such model.
        """
        if model in JUDGES:
            return _judged(model, messages, settings)
        profile = PROFILES.get(model)
        if profile is None:
            raise LookupError(_unknown(model))
        context = min(_whole(settings, "num_ctx") or profile.context, profile.context)
        perceived = perceive(messages, hears_system=profile.hears_system, context=context)
        draw = random.Random(_seed(profile, perceived, settings))  # noqa: S311
        answer = _answer(profile, perceived, settings, draw)
        return _pieces(answer, perceived, settings, context, draw)


def refuse_unknown(model: str) -> None:
    """Refuse, before anything is asked, what is neither a simulated model nor a simulated judge.

    Raises:
        ProviderError: there is no such model; the message names those there are.
    """
    if model not in PROFILES and model not in JUDGES:
        raise ProviderError(_unknown(model))


def _unknown(model: str) -> str:
    return f"no simulated model 'sim/{model}'; known: {', '.join((*PROFILES, *JUDGES))}"


def _seed(profile: Profile, perceived: Perceived, settings: Mapping[str, Any]) -> str:
    """What chance is drawn from; everything the model can perceive, and the seed."""
    return f"{profile.name}/{perceived.address}/{settings.get('temperature')}/{_chance(settings)}"


def _chance(settings: Mapping[str, Any]) -> str:
    """What is drawn from besides the messages: nothing at temperature 0, else the seed."""
    seed = settings.get("seed")
    if settings.get("temperature") == 0:
        return "greedy"
    return os.urandom(16).hex() if seed is None else repr(seed)


def _judged(
    name: str, messages: Sequence[Mapping[str, Any]], settings: Mapping[str, Any]
) -> Iterator[Piece]:
    """A judge's reply, whole, cut off where its limit of tokens is."""
    text = judge(JUDGES[name], messages, _chance(settings))
    limit = _whole(settings, "max_tokens") or _whole(settings, "max_completion_tokens")
    room = limit * CHARACTERS_PER_TOKEN if limit else len(text)
    yield Piece(text=text[:room])
    prompt = sum(count_tokens(str(each.get("content", ""))) for each in messages)
    finish = "stop" if len(text) <= room else "length"
    yield Piece(finish=finish, prompt_tokens=prompt, completion_tokens=count_tokens(text[:room]))


def _answer(
    profile: Profile, perceived: Perceived, settings: Mapping[str, Any], draw: random.Random
) -> Answer:
    order = read_order(perceived.system)
    if order is not None and order.alone:
        return Answer(text=f"{order.word}\n")
    known = recall(perceived.prompt)
    guidance = read_guidance(perceived.system)
    skill = draw_skill(
        profile,
        guidance,
        task=known.task,
        touchy=known.touchy,
        settings=settings,
        draw=draw,
    )
    answer = write(known.knowledge, skill, draw, tools=bool(settings.get("tools")))
    return answer if order is None else replace(answer, text=f"{order.word}\n\n{answer.text}")


def _pieces(
    answer: Answer,
    perceived: Perceived,
    settings: Mapping[str, Any],
    context: int,
    draw: random.Random,
) -> Iterator[Piece]:
    """The answer cut into pieces, up to the limit of tokens; a loop runs until it is stopped."""
    limit = max(1, context - perceived.tokens)
    asked = _whole(settings, "max_tokens") or _whole(settings, "max_completion_tokens")
    room = min(limit, asked or limit) * CHARACTERS_PER_TOKEN
    if answer.calls:
        yield from _calls(answer.calls, perceived)
        return
    text = answer.up_to(room)
    stop = _stop_place(text, settings.get("stop"))
    finish = "content_filter" if answer.refused else "stop"
    if stop is not None and stop <= room:
        text = text[:stop]
    elif len(text) > room:
        text, finish = text[:room], "length"
    place = 0
    while place < len(text):
        end = place + draw.randint(_SHORTEST_PIECE, _LONGEST_PIECE)
        yield Piece(text=text[place:end])
        place = end
    yield Piece(finish=finish, prompt_tokens=perceived.tokens, completion_tokens=count_tokens(text))


def _calls(calls: Sequence[Mapping[str, Any]], perceived: Perceived) -> Iterator[Piece]:
    """Calls of tools, each in a piece of its own; they count as the tokens of their JSON."""
    length = 0
    for index, call in enumerate(calls):
        arguments = json.dumps(call["arguments"])
        length += count_tokens(call["name"] + arguments)
        function = {"name": call["name"], "arguments": arguments}
        yield Piece(
            tool_call={
                "index": index,
                "id": f"call_{index + 1}",
                "type": "function",
                "function": function,
            }
        )
    yield Piece(finish="tool_calls", prompt_tokens=perceived.tokens, completion_tokens=length)


def _stop_place(text: str, stop: object) -> int | None:
    """Where the first of the stop sequences begins; None when none comes."""
    given = [stop] if isinstance(stop, str) else stop if isinstance(stop, Sequence) else []
    places = [text.find(each) for each in given if isinstance(each, str) and each]
    return min((place for place in places if place >= 0), default=None)


def _whole(settings: Mapping[str, Any], name: str) -> int | None:
    """A setting that is a whole number above 0; None when it is not given."""
    value = settings.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
