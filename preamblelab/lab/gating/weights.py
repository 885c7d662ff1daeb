"""The weights behind the tags of a gate's contenders, where an engine on this host tells them.

A moving tag may serve other weights tomorrow: they are part of what a holder is, so that who was
promoted can be told from what answers by its name now.
"""

from dataclasses import replace

from preamblelab.domain.models import ModelSpec
from preamblelab.domain.registry import Holder
from preamblelab.errors import SpecError
from preamblelab.lab.discovering import served_facts
from preamblelab.lab.gating.planned import GatePlan


def weighed(holder: Holder) -> Holder:
    """The holder with the digest of the weights that answer by its model's name now.

    As it was where no engine on this host tells one; a hosted model has none that anybody tells.
    """
    return _with(holder, _served(holder.model).get(holder.model.name))


def with_weights(plan: GatePlan) -> GatePlan:
    """The plan with the challenger's weights, and with what happened to the champion's.

    Raises:
        SpecError: by their server both are one model, asked in the same way.
    """
    champion = plan.champion
    models = [each.model for each in (champion, plan.challenger) if each is not None]
    served = _served(*models)
    challenger = _with(plan.challenger, served.get(plan.challenger.model.name))
    if champion is None:
        return replace(plan, challenger=challenger)
    now, own = served.get(champion.model.name), challenger.content.get("weights")
    if now is not None and now == own and _asked_alike(champion, challenger):
        raise SpecError(
            f"'{champion.name}' and '{challenger.name}' are one model by their server ({now}): "
            "nothing could be compared"
        )
    then = champion.content.get("weights")
    changed = ""
    if now is not None and then is not None and now != then:
        changed = (
            f"behind the champion's tag are other weights than those that took the slot ({then} "
            f"then, {now} now): what is served now was asked"
        )
    return replace(plan, challenger=challenger, weights_changed=changed)


def _with(holder: Holder, weights: str | None) -> Holder:
    if weights is None:
        return holder
    return holder.model_copy(update={"content": {**holder.content, "weights": weights}})


def _served(*models: ModelSpec) -> dict[str, str]:
    found = served_facts(models)
    return {name: facts.digest for name, facts in found.items() if facts.digest is not None}


def _asked_alike(one: Holder, other: Holder) -> bool:
    """Whether nothing but the model's id tells them apart."""
    first, second = (
        (each.model.model_copy(update={"id": "x/x", "name": "x"}), each.text)
        for each in (one, other)
    )
    return first == second
