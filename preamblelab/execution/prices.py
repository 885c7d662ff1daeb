"""What a million tokens of a model cost, and who says so."""

import importlib.util
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from preamblelab.domain.models import ModelSpec

FREE_PROVIDERS = frozenset({"sim", "replay"})
"""They run in this process: the price is known, and it is zero."""

_PRICE_FILE = "model_prices_and_context_window_backup.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownPrice:
    """US dollars per million tokens, with the source."""

    input_usd: float
    output_usd: float
    source: str
    """`user`, `in process`, `litellm's price list`, `assumed`."""

    def cost(self, prompt_tokens: int, completion_tokens: int) -> float:
        """US dollars for these token counts."""
        return (prompt_tokens * self.input_usd + completion_tokens * self.output_usd) / 1e6


def price_of(model: ModelSpec) -> KnownPrice | None:
    """The price of a model, or None when nobody knows it (which is not zero)."""
    if model.price is not None:
        return KnownPrice(
            input_usd=model.price.input_usd_per_million,
            output_usd=model.price.output_usd_per_million,
            source="user",
        )
    provider, _, bare = model.id.partition("/")
    if provider in FREE_PROVIDERS:
        return KnownPrice(input_usd=0.0, output_usd=0.0, source="in process")
    if model.api_base is not None and provider == "openai":
        return None  # a server of the user's that speaks OpenAI's dialect has its own prices
    row = _price_list().get(model.id)
    if row is None:
        # The list names many vendors' models without the vendor.
        row = _price_list().get(bare, {})
        if row.get("litellm_provider") != provider:
            return None
    if "input_cost_per_token" not in row or "output_cost_per_token" not in row:
        return None
    return KnownPrice(
        input_usd=float(row["input_cost_per_token"]) * 1e6,
        output_usd=float(row["output_cost_per_token"]) * 1e6,
        source="litellm's price list",
    )


@cache
def _price_list() -> dict[str, dict[str, Any]]:
    """The list that litellm ships, read as a file: importing litellm costs seconds."""
    spec = importlib.util.find_spec("litellm")
    if spec is None or spec.origin is None:
        return {}
    file = Path(spec.origin).parent / _PRICE_FILE
    if not file.is_file():
        return {}
    prices: dict[str, dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
    return prices
