"""Runs programs that a model wrote where they can do no harm, and says where that was."""

from preamblelab.scoring.sandbox.calls import Answer, Call, Exchange
from preamblelab.scoring.sandbox.choice import Choice, choose
from preamblelab.scoring.sandbox.pool import Pool
from preamblelab.scoring.sandbox.records import Execution, Language, Limits, Program, Status
from preamblelab.scoring.sandbox.values import Unrepresentable, same

__all__ = [
    "Answer",
    "Call",
    "Choice",
    "Exchange",
    "Execution",
    "Language",
    "Limits",
    "Pool",
    "Program",
    "Status",
    "Unrepresentable",
    "choose",
    "same",
]
