"""Where a gate keeps things: the registry, runs that are not decided, the archive, a trial."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from preamblelab.domain.base import text_digest
from preamblelab.store.connection import utc_now
from preamblelab.store.faults import one_line
from preamblelab.store.locking import writer_lock


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """One folder for all slots."""

    folder: Path

    @property
    def registry(self) -> Path:
        """Who holds which slot."""
        return self.folder / "registry.json"

    @property
    def archive(self) -> Path:
        """One folder for each decision."""
        return self.folder / "archive"

    @property
    def trial(self) -> Path:
        """Names the trial that is in force; not there when none is."""
        return self.folder / "trial.json"

    def running(self, slot: str) -> Path:
        """The run of a slot that is not decided yet."""
        return self.folder / "running" / slug(slot)

    @contextmanager
    def holding(self, slot: str, purpose: str) -> Iterator[None]:
        """Hold a slot: two gates on one slot would each move the ground of the other.

        Raises:
            StoreError: another process holds it; the message names it.
        """
        locks = self.folder / "running"
        with one_line(locks, "make the folder"):
            locks.mkdir(parents=True, exist_ok=True)
        with writer_lock(self.running(slot), purpose, utc_now()):
            yield


def slug(name: str) -> str:
    """A name as a file name; what had to be changed is told apart by a digest."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:60]
    return plain if plain == name else f"{plain or 'x'}-{text_digest(name)[3:9]}"
