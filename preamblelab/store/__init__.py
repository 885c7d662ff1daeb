"""The store: one SQLite file that keeps answers by content, names by experiment, and marks."""

from preamblelab.store.asking import Asking
from preamblelab.store.connection import utc_now
from preamblelab.store.reviewing import Reviewing
from preamblelab.store.rows import (
    Delivery,
    DeliveryState,
    ExperimentEntry,
    LookPlan,
    MarkingEntry,
    MarkRow,
    PlannedTrial,
    RatingRow,
    Spend,
)
from preamblelab.store.stopping import Stopping
from preamblelab.store.tables import Tables
from preamblelab.store.upkeep import Upkeep

__all__ = [
    "Delivery",
    "DeliveryState",
    "ExperimentEntry",
    "LookPlan",
    "MarkRow",
    "MarkingEntry",
    "PlannedTrial",
    "RatingRow",
    "Spend",
    "Store",
    "utc_now",
]


class Store(Asking, Tables, Reviewing, Stopping, Upkeep):
    """One SQLite file with everything that was asked, answered and marked.

    What a method has stored when it returns survives `kill -9` and a power cut. Reading never
    waits for writing. Whatever goes wrong with the file is a `StoreError` of one line.
    A store may be used from several threads; processes that write take `lock` first.
    """
