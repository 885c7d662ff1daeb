"""Experiments to JSON documents and back, nothing lost: what the store keeps of a plan."""

import json
from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

from preamblelab.domain.experiments import Experiment
from preamblelab.errors import SpecError

FORMAT: Final = 1
"""The shape of a document; a reader refuses a newer one."""


def experiment_document(experiment: Experiment) -> dict[str, Any]:
    """A plan with everything it names, as JSON values.

    The order of a task's files is part of its prompt, and a JSON object need not keep an order:
    files are written as pairs of name and text.
    """
    document = experiment.model_dump(mode="json")
    for task in document["suite"]["tasks"]:
        task["files"] = [[name, text] for name, text in task["files"].items()]
    if experiment.claims is None:
        del document["claims"]  # a plan without any keeps the document that it had before
    return {"format": FORMAT, **document}


def experiment_from_document(document: Mapping[str, Any]) -> Experiment:
    """The plan that a document holds; equal to the one that it was made from.

    Raises:
        SpecError: The document is of a newer format, or is damaged.
    """
    name = document.get("name")
    found = document.get("format")
    if found != FORMAT:
        raise SpecError(
            f"the stored experiment {name!r} has format {found!r}, and this version of preamblelab "
            f"reads {FORMAT}: install the version that wrote it"
        )
    plan = json.loads(json.dumps({k: v for k, v in document.items() if k != "format"}))
    try:
        for task in plan["suite"]["tasks"]:
            task["files"] = dict(task["files"])
        return Experiment.model_validate_json(json.dumps(plan), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(step) for step in first["loc"])
        raise SpecError(
            f"the stored experiment {name!r} is damaged: {field}: {first['msg']}"
        ) from None
    except (KeyError, TypeError, ValueError) as error:
        raise SpecError(f"the stored experiment {name!r} is damaged: {error!r}") from None
