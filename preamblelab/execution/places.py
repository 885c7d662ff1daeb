"""Where a model runs, as far as privacy is concerned: what is not known to run here does not."""

from typing import Final

from preamblelab.domain.models import ModelSpec
from preamblelab.execution.gateway import is_local

_FORWARDS: Final = ("litellm_proxy/",)
"""Servers that send on to wherever they are configured, though they listen here."""
_ELSEWHERE: Final = ("-cloud", ":cloud")
"""Ends of the tags that Ollama serves from its maker's cloud."""


def runs_here(model: ModelSpec) -> bool:
    """Whether what is asked of a model stays on this host.

    An address on this host is not enough: a proxy forwards, and an engine may serve a tag from a
    cloud. Only the user can say more (`places` of routing rules, `cloud` of an escalation).
    """
    forwarded = model.id.startswith(_FORWARDS) or model.id.endswith(_ELSEWHERE)
    return is_local(model) and not forwarded
