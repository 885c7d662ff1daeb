"""What pages are made from: the store, read only, and what is dear to make kept for a while."""

import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from preamblelab.errors import StoreError
from preamblelab.report.markup import Markup
from preamblelab.store import ArmProgress, ExperimentEntry, Holder, Snapshot, Store
from preamblelab.viewer.making import Maker

if TYPE_CHECKING:
    from preamblelab.report.reports import Report

T = TypeVar("T")

SOON: Final = 0.3
"""Seconds for which a page waits for what may come later: a small store needs less."""
PATIENCE: Final = 3.0
"""Seconds for which a page waits for what it is made of, before it says that it is being made."""
_LONGEST: Final = 120.0
_RATE_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A report, and what a page shows of it."""

    fingerprint: str
    """Of the state of the store that it was made from."""
    report: "Report"
    overview: Markup
    """Verdicts, pictures, and the tables that come first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How far a run is, and how long it still takes at the pace of the last minute."""

    arms: tuple[ArmProgress, ...] | None
    """None while they are being counted, which takes a while where they are many."""
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
        self._turn = threading.Lock()
        self._seen: dict[str, list[tuple[float, int]]] = {}
        self._snapshots = Maker("snapshots", self._snapshot)
        self._arms = Maker("progress", self._counted)
        self._reports = Maker("reports", self._shown)
        self._pages = Maker("pages", self._page)

    def close(self) -> None:
        """Give the store back."""
        for maker in (self._snapshots, self._arms, self._reports, self._pages):
            maker.close()
        self.store.close()

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
        return self._waited(self._snapshots, experiment)

    def shown(self, experiment: str, patience: float = PATIENCE) -> Shown | None:
        """The report with its main tables made; None while it is still being made.

        While a run writes, it may be the one before.

        Raises:
            PreamblelabError: there can be no report, for this reason.
        """
        return self._asked(self._reports, experiment, patience)

    def report(self, experiment: str, patience: float = PATIENCE) -> "Report | None":
        """The report alone."""
        shown = self.shown(experiment, patience)
        return None if shown is None else shown.report

    def report_page(self, experiment: str) -> Markup | None:
        """The whole report as a page; None while it is still being made.

        Raises:
            PreamblelabError: there can be no report, for this reason.
        """
        return self._asked(self._pages, experiment, PATIENCE)

    def _asked(self, maker: Maker[T], experiment: str, patience: float) -> T | None:
        fingerprint = self.store.fingerprint(experiment)
        running = self.store.holder() is not None
        return maker.get(experiment, fingerprint, running=running, patience=patience)

    def _waited(self, maker: Maker[T], experiment: str) -> T:
        """What is made within seconds, and no page can be without.

        Raises:
            StoreError: it was not made in two minutes.
        """
        made = self._asked(maker, experiment, _LONGEST)
        if made is None:
            raise StoreError(f"{self.path}: reading '{experiment}' takes too long: try again")
        return made

    # What takes long has a connection of its own: a store serves one thread at a time.

    def _snapshot(self, experiment: str) -> tuple[str, Snapshot]:
        with Store(self.path, read_only=True) as store:
            return store.fingerprint(experiment), store.snapshot(experiment)

    def _counted(self, experiment: str) -> tuple[str, tuple[ArmProgress, ...]]:
        with Store(self.path, read_only=True) as store:
            return store.fingerprint(experiment), tuple(store.progress(experiment))

    def _shown(self, experiment: str) -> tuple[str, Shown]:
        from preamblelab.lab.reporting import analyze
        from preamblelab.report.html.glance import overview

        with Store(self.path, read_only=True) as store:
            fingerprint = store.fingerprint(experiment)
            report = analyze(store, experiment)
            # A report makes its tables when they are first looked at.
            shown = Shown(fingerprint=fingerprint, report=report, overview=overview(report))
            return fingerprint, shown

    def _page(self, experiment: str) -> tuple[str, Markup]:
        shown = self._waited(self._reports, experiment)
        return shown.fingerprint, Markup(shown.report.to_html())

    def pace(self, experiment: str) -> Pace:
        """How far an experiment is.

        Raises:
            SpecError: there is no such experiment.
        """
        holder = self.store.holder()
        arms = self._asked(self._arms, experiment, SOON)
        if arms is None:
            return Pace(arms=None, holder=holder, seconds_left=None)
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
