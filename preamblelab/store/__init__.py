"""The store: one SQLite file that keeps answers by content, names by experiment, and marks."""

from preamblelab.store.asking import Asking
from preamblelab.store.browsing import Browsing
from preamblelab.store.climbing import Climbing
from preamblelab.store.connection import utc_now
from preamblelab.store.executing import EvidenceRow, Executing
from preamblelab.store.locking import Holder
from preamblelab.store.reviewing import Reviewing
from preamblelab.store.rows import (
    ArmProgress,
    Delivery,
    DeliveryState,
    ExperimentEntry,
    Failure,
    JudgedRating,
    LookPlan,
    MarkingEntry,
    MarkRow,
    PlannedTrial,
    RatingRow,
    Spend,
)
from preamblelab.store.snapshots import Order, Snapshot, TrialFilter, TrialLine, TrialPage
from preamblelab.store.stopping import Stopping
from preamblelab.store.upkeep import Upkeep

__all__ = [
    "ArmProgress",
    "Delivery",
    "DeliveryState",
    "EvidenceRow",
    "ExperimentEntry",
    "Failure",
    "Holder",
    "JudgedRating",
    "LookPlan",
    "MarkRow",
    "MarkingEntry",
    "Order",
    "PlannedTrial",
    "RatingRow",
    "Snapshot",
    "Spend",
    "Store",
    "TrialFilter",
    "TrialLine",
    "TrialPage",
    "utc_now",
]


class Store(Asking, Browsing, Climbing, Reviewing, Executing, Stopping, Upkeep):
    """One SQLite file with everything that was asked, answered and marked.

    What a method has stored when it returns survives `kill -9` and a power cut. Reading never
    waits for writing. Whatever goes wrong with the file is a `StoreError` of one line.
    A store may be used from several threads; processes that write take `lock` first.
    """
