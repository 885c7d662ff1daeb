"""Makes what is dear aside of the pages: each thing once for one state of the store."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

T = TypeVar("T")

_REST: Final = 10
"""Something dear is made anew after so many times what making it took, while a run writes."""
_LONGEST_REST: Final = 60.0
_KEPT: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made(Generic[T]):
    made: Future[T]
    """Also a failure is kept: asked again of the same state, it would only fail again."""
    fingerprint: str
    took: float
    at: float

    def good(self, fingerprint: str, *, running: bool) -> bool:
        """Up to date; or, while a run writes, young for what it cost."""
        rest = min(self.took * _REST, _LONGEST_REST)
        young = running and time.monotonic() - self.at < rest
        return young or fingerprint == self.fingerprint


class Maker(Generic[T]):
    """Makes things by name, one at a time, in a thread of its own; a few are kept."""

    def __init__(self, name: str, make: Callable[[str], tuple[str, T]]) -> None:
        """Nothing is made yet.

        Args:
            name: of the thread.
            make: from a name to a thing, with the fingerprint of the state that it was made from.
        """
        self._make = make
        self._worker = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._turn = threading.Lock()
        self._kept: dict[str, _Made[T]] = {}
        self._making: dict[str, Future[T]] = {}

    def get(self, name: str, fingerprint: str, *, running: bool, patience: float) -> T | None:
        """The thing; while a run writes, it may be the one before. None where it is not there yet.

        Args:
            name: what to make.
            fingerprint: of the state that it should show.
            running: whether a run writes.
            patience: seconds to wait for it.

        Raises:
            PreamblelabError: what making it raised.
        """
        with self._turn:
            kept = self._kept.get(name)
            if kept is not None and kept.good(fingerprint, running=running):
                return kept.made.result()
            making = self._making.get(name)
            if making is None:
                making = self._making[name] = self._worker.submit(self._work, name, fingerprint)
        older = kept if kept is not None and running else None
        try:
            return making.result(0.0 if older is not None else patience)
        except NotYet:
            return None if older is None else older.made.result()

    def close(self) -> None:
        """Begin nothing more."""
        self._worker.shutdown(wait=False, cancel_futures=True)

    def _work(self, name: str, fingerprint: str) -> T:
        began = time.monotonic()
        made: Future[T] = Future()
        try:
            fingerprint, thing = self._make(name)
            made.set_result(thing)
        except Exception as error:  # noqa: BLE001 - whoever asks for the thing gets it raised
            made.set_exception(error)
        at = time.monotonic()
        with self._turn:
            self._kept.pop(name, None)
            self._kept[name] = _Made(made=made, fingerprint=fingerprint, took=at - began, at=at)
            if len(self._kept) > _KEPT:
                del self._kept[next(iter(self._kept))]
            del self._making[name]
        return made.result()
