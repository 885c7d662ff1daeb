"""What a model's id tells: rules for names, and a table where names lie or say nothing."""

from preamblelab.domain.facts import ModelFacts

__all__ = ["ModelFacts", "describe_id"]


def describe_id(model_id: str) -> ModelFacts:
    """What the id of a model tells about it, without asking anybody."""
    return ModelFacts(model=model_id)
