"""What pages are made from: the store, read only, and what is dear to make kept for a while."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from preamblelab.store import ArmProgress, ExperimentEntry, Holder, Snapshot, Store

if TYPE_CHECKING:
    from preamblelab.report.reports import Report

T = TypeVar("T")

PATIENCE: Final = 3.0
"""Seconds for which a page waits for a report before it says that it is being made."""
_REST: Final = 10
"""Something dear is made anew after so many times what making it took, while a run writes."""
_KEPT: Final = 4
_RATE_SECONDS: Final = 60.0


@dataclass(slots=True, kw_only=True)
class _Kept(Generic[T]):
    value: T
    fingerprint: str
    took: float
    made: float

    def good(self, fingerprint: str, *, running: bool) -> bool:
        """Up to date; or, while a run writes, young for what it cost."""
        rest = min(self.took * _REST, 60.0)
        young = running and time.monotonic() - self.made < rest
        return young or fingerprint == self.fingerprint


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How far a run is, and how long it still takes at the pace of the last minute."""

    arms: tuple[ArmProgress, ...]
    holder: Holder | None
    seconds_left: float | None

    @property
    def running(self) -> bool:
        """Whether somebody is at work on the store."""
        return self.holder is not None


class Source:
    """A store for pages; every method may be called from several threads."""

    def __init__(self, path: Path) -> None:
        """Open the store.

        Raises:
            StoreError: it cannot be read; it was not changed.
        """
        self.store = Store(path, read_only=True)
        # What takes long has a connection of its own: a store serves one thread at a time.
        self._deep = Store(path, read_only=True)
        self._turn = threading.Lock()
        self._snapshots: dict[str, _Kept[Snapshot]] = {}
        self._reports: dict[str, _Kept[Report]] = {}
        self._making: dict[str, Future[Report]] = {}
        self._arms: dict[str, _Kept[tuple[ArmProgress, ...]]] = {}
        self._seen: dict[str, list[tuple[float, int]]] = {}
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="report")

    def close(self) -> None:
        """Give the store back."""
        self._worker.shutdown(wait=False, cancel_futures=True)
        self.store.close()
        self._deep.close()

    @property
    def path(self) -> Path:
        """The file."""
        return self.store.path

    def experiments(self) -> list[ExperimentEntry]:
        """All experiments, the one that was worked on last first."""
        return sorted(self.store.experiments(), key=lambda each: each.updated, reverse=True)

    def snapshot(self, experiment: str) -> Snapshot:
        """The trials for paging; while a run writes, some seconds old where they are many.

        Raises:
            SpecError: there is no such experiment.
        """
        fingerprint = self.store.fingerprint(experiment)
        running = self.store.holder() is not None
        with self._turn:
            kept = self._snapshots.get(experiment)
            if kept is None or not kept.good(fingerprint, running=running):
                kept = _timed(lambda: self._deep.snapshot(experiment), fingerprint)
                self._snapshots.pop(experiment, None)
                self._snapshots[experiment] = kept
                if len(self._snapshots) > _KEPT:
                    del self._snapshots[next(iter(self._snapshots))]
            return kept.value

    def report(self, experiment: str, patience: float = PATIENCE) -> "Report | None":
        """The report with its main tables made; None while it is still being made.

        While a run writes, it may be the one before.

        Raises:
            PreamblelabError: there can be no report, for this reason.
        """
        fingerprint = self.store.fingerprint(experiment)
        running = self.store.holder() is not None
        kept = self._reports.get(experiment)
        if kept is not None and kept.good(fingerprint, running=running):
            return kept.value
        older = kept.value if kept is not None and running else None
        with self._turn:
            if experiment not in self._making:
                self._making[experiment] = self._worker.submit(self._report, experiment)
            made = self._making[experiment]
        try:
            report = made.result(patience if older is None else 0.2)
        except NotYet:
            return older
        except BaseException:
            self._making.pop(experiment, None)
            raise
        self._making.pop(experiment, None)
        return report

    def _report(self, experiment: str) -> "Report":
        from preamblelab.lab.reporting import analyze
        from preamblelab.report.html.glance import glance

        fingerprint = self._deep.fingerprint(experiment)

        def make() -> "Report":
            report = analyze(self._deep, experiment)
            glance(report)  # a report makes its tables when they are first looked at
            return report

        kept = _timed(make, fingerprint)
        self._reports[experiment] = kept
        return kept.value

    def pace(self, experiment: str) -> Pace:
        """How far an experiment is.

        Raises:
            SpecError: there is no such experiment.
        """
        holder = self.store.holder()
        arms = self._counted(experiment, running=holder is not None)
        done = sum(arm.answered + arm.marked for arm in arms)
        left = 2 * sum(arm.trials for arm in arms) - done
        now = time.monotonic()
        with self._turn:
            seen = self._seen.setdefault(experiment, [])
            seen.append((now, done))
            while now - seen[0][0] > _RATE_SECONDS:
                del seen[0]
            (since, before) = seen[0]
        rate = (done - before) / (now - since) if now > since else 0.0
        working = holder is not None and rate > 0 and left > 0
        return Pace(arms=arms, holder=holder, seconds_left=left / rate if working else None)

    def _counted(self, experiment: str, *, running: bool) -> tuple[ArmProgress, ...]:
        """Counts of answers and marks; while a run writes, some seconds old where it is large."""
        fingerprint = self.store.fingerprint(experiment)
        kept = self._arms.get(experiment)
        if kept is None or not kept.good(fingerprint, running=running):
            kept = _timed(lambda: tuple(self.store.progress(experiment)), fingerprint)
            self._arms[experiment] = kept
        return kept.value


def _timed(make: Callable[[], T], fingerprint: str) -> "_Kept[T]":
    began = time.monotonic()
    value = make()
    now = time.monotonic()
    return _Kept(value=value, fingerprint=fingerprint, took=now - began, made=now)
