"""What a run's store says, as the observations that a decision is made from."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from typing import Any, cast

from preamblelab.decision.records import (
    Manifest,
    Observation,
    Observations,
    ObservationStatus,
    PlannedTask,
)
from preamblelab.domain.registry import Holder
from preamblelab.errors import StoreError
from preamblelab.store import Store


def observed(
    store: Store,
    experiment: str,
    arms: Mapping[tuple[str, str], str],
    *,
    run: str,
    smoke: bool = False,
) -> Iterator[Observation]:
    """Every trial of a stored experiment that belongs to one of the arms.

    Args:
        store: where answers and marks are.
        experiment: its name.
        arms: digest of the holder by model and variant.
        run: what the observations call the run.
        smoke: whether they are of the smoke test.
    """
    marks = _marks(store, experiment)
    for row in store.scores(experiment).to_dict("records"):
        arm = arms.get((row["model"], row["variant"]))
        if arm is None:
            continue
        score = _number(row["score"])
        status = "not_run" if row["status"] == "pending" else row["status"]
        place = (row["model"], row["variant"], row["task"], row["repetition"])
        yield Observation(
            run=run,
            arm=arm,
            model=row["model"],
            variant=row["variant"],
            task=row["task"],
            repetition=int(row["repetition"]),
            status=cast("ObservationStatus", status),
            score=None if score is None else score / 100.0,
            reason=str(row["reason"] or ""),
            smoke=smoke,
            marks=marks.get(place, {}),
            prompt_tokens=_whole(row["prompt_tokens"]),
            completion_tokens=_whole(row["completion_tokens"]),
            usd=_number(row["usd"]),
            seconds=_number(row["seconds"]),
            response_key=row["response_key"],
        )


def undelivered(store: Store, experiment: str, arms: Mapping[tuple[str, str], str]) -> list[str]:
    """Models that the preamble of one of the arms did not reach."""
    return [
        each.model
        for each in store.deliveries(experiment)
        if each.state == "undelivered" and (each.model, each.variant) in arms
    ]


def _marks(store: Store, experiment: str) -> dict[tuple[Any, ...], dict[str, float | None]]:
    """Shares by dimension of every trial."""
    found: dict[tuple[Any, ...], dict[str, float | None]] = {}
    for row in store.dimension_scores(experiment).to_dict("records"):
        place = (row["model"], row["variant"], row["task"], row["repetition"])
        points, maximum = _number(row["points"]), _number(row["maximum"])
        share = None if points is None or not maximum else points / maximum
        found.setdefault(place, {})[row["dimension"]] = share
    return found


def _number(value: Any) -> float | None:
    """A number, or None for what a table holds where none is."""
    if value is None or value != value or str(value) == "<NA>":
        return None
    return float(value)


def _whole(value: Any) -> int | None:
    number = _number(value)
    return None if number is None or not math.isfinite(number) else int(number)


def observations_text(observations: Observations) -> str:
    """`observations.json`: all that a decision is made from, so that it can be made again."""
    document = asdict(replace(observations, challenger=None, champion=None))  # type: ignore[arg-type]
    document["challenger"] = observations.challenger.model_dump(mode="json")
    champion = observations.champion
    document["champion"] = None if champion is None else champion.model_dump(mode="json")
    return json.dumps(document, indent=1, sort_keys=True, allow_nan=False) + "\n"


def observations_from(text: str, where: str) -> Observations:
    """The observations in an archived file.

    Raises:
        StoreError: the file is none of ours, or damaged.
    """
    try:
        document = json.loads(text)
        champion, earlier = document["champion"], document["champion_manifest"]
        return Observations(
            **(
                document
                | {
                    "challenger": Holder.model_validate(document["challenger"]),
                    "champion": None if champion is None else Holder.model_validate(champion),
                    "tasks": tuple(PlannedTask(**task) for task in document["tasks"]),
                    "rows": tuple(Observation(**row) for row in document["rows"]),
                    "manifest": _manifest(document["manifest"]),
                    "champion_manifest": None if earlier is None else _manifest(earlier),
                    "models": tuple(document["models"]),
                    "undelivered": tuple(document["undelivered"]),
                }
            )
        )
    except (ValueError, TypeError, KeyError) as error:
        raise StoreError(f"{where}: these are no observations of a gate: {error}") from None


def _manifest(document: Mapping[str, Any]) -> Manifest:
    lists = {name: tuple(document[name]) for name in ("scorers", "arms")}
    return Manifest(**{**document, **lists})
