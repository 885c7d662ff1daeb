"""The simulated models as published: what each is, and how it takes a preamble."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One simulated model. Levels are on a logistic scale: 0 is a middling model, 1 a good one."""

    name: str
    total_b: float
    """Parameters it claims to have, in billions."""
    ability: float
    """Level of its answers without any preamble."""
    heed: float
    """Share of a request in a system text that it acts upon, 0 to 1."""
    bears: int
    """Tokens of system text that cost it nothing."""
    burden: float
    """Level it loses with every hundred tokens of system text beyond those."""
    spread: float = 0.5
    """Standard deviation of its level from call to call, at temperature 0.8."""
    loops: float = -6.0
    """Log-odds that an answer repeats itself without end."""
    loops_under_burden: float = 0.0
    """What those log-odds gain with each level lost to the burden."""
    refuses: float = -7.0
    """Log-odds that it refuses a harmless task that sounds harmful."""
    slips: float = 0.0
    """What the log-odds gain that its tests hold a mistake which only running them shows."""
    blank: float = -7.0
    """Log-odds that it answers nothing."""
    hears_system: bool = True
    """False: its chat template drops the system message, so no preamble ever arrives."""
    context: int = 16_384
    """Tokens of prompt and answer together."""
    family: str = "sim"

    @property
    def id(self) -> str:
        """How an experiment names it."""
        return f"sim/{self.name}"


_ALL: Final = (
    Profile(
        name="tiny-1b", total_b=1.1, ability=-1.5, heed=0.45, bears=60, burden=0.6,
        loops=-3.6, loops_under_burden=0.7, blank=-4.5, context=4_096,
    ),
    Profile(
        name="base-1.5b-deaf", total_b=1.5, ability=-1.7, heed=0.5, bears=60, burden=0.5,
        loops=-3.0, blank=-4.0, hears_system=False, context=4_096,
    ),
    Profile(
        name="tiny-2b-loopy", total_b=2.0, ability=-1.1, heed=0.5, bears=60, burden=0.9,
        loops=-1.9, loops_under_burden=2.1, context=8_192,
    ),
    Profile(
        name="mid-3b-showy", total_b=3.2, ability=-0.8, heed=0.95, bears=400, burden=0.1, slips=4.5,
    ),
    Profile(
        name="mid-4b", total_b=4.0, ability=-0.5, heed=0.75, bears=150, burden=0.25,
        loops=-4.5, loops_under_burden=0.5, refuses=-1.8,
    ),
    Profile(name="mid-7b", total_b=7.0, ability=0.0, heed=0.85, bears=200, burden=0.2),
    Profile(name="mid-8b-strong", total_b=8.0, ability=1.6, heed=0.65, bears=300, burden=0.2),
    Profile(name="large-14b", total_b=14.0, ability=2.1, heed=0.8, bears=500, burden=0.15),
    Profile(
        name="large-70b", total_b=70.0, ability=4.6, heed=0.9, bears=2_000, burden=0.05,
        spread=0.35, context=32_768,
    ),
)  # fmt: skip

PROFILES: Final[Mapping[str, Profile]] = {profile.name: profile for profile in _ALL}
"""Every simulated model by the name that follows `sim/`."""
