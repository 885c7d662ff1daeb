"""Effects by baseline tier, by size and by both, free of regression to the mean."""

from typing import Literal

Tier = Literal["low", "mid", "high"]

LOW_BELOW = 50.0
"""A baseline score under this many points is *low*."""

HIGH_ABOVE = 90.0
"""A baseline score over this many points is *high*; what lies between is *mid*, both bounds in."""

CUTS: tuple[float, float] = (LOW_BELOW, HIGH_ABOVE)
"""The two bounds of the tiers; their only home. Fix them before looking at the data."""

TIERS: tuple[Tier, Tier, Tier] = ("low", "mid", "high")
"""The tiers in order of the baseline."""


def baseline_tier(score: float, cuts: tuple[float, float] = CUTS) -> Tier:
    """Tier of one baseline score.

    Args:
        score: Mean baseline score, 0 to 100.
        cuts: Lower and upper bound in points.

    Returns:
        ``low`` under the lower bound, ``high`` over the upper one, else ``mid``.
    """
    if score < cuts[0]:
        return "low"
    return "high" if score > cuts[1] else "mid"
