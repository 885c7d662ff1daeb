"""Keeps workers warm and hands them programs: as many at a time as there are cores."""

import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from preamblelab.errors import SpecError
from preamblelab.scoring.sandbox.calls import Call, Exchange, Questions, driven
from preamblelab.scoring.sandbox.choice import Choice, choose
from preamblelab.scoring.sandbox.endings import refusal
from preamblelab.scoring.sandbox.records import (
    Backend,
    Execution,
    Language,
    Limits,
    Program,
    Talk,
    Worker,
)

_DEFAULT = Limits()


class Pool:
    """Runs programs in sandboxes; may be used from several threads; a context manager.

    Args:
        workers: programs at one time; the number of cores when not given.
        allow_unsafe: run without isolation where no sandbox holds; every record then says so.
        read_only: host folders that programs may read, by their absolute path inside, such as
            `{"/packages": Path(...)}`. They must hold no secret and no expected value.
        backend: use this one and no self-test; for tests and measurements.
    """

    def __init__(
        self,
        *,
        workers: int | None = None,
        allow_unsafe: bool = False,
        read_only: Mapping[str, Path] | None = None,
        backend: Backend | None = None,
    ) -> None:
        self.workers = workers if workers is not None else os.cpu_count() or 1
        if self.workers < 1:
            raise SpecError(f"pool: workers is {workers}; it must be at least 1")
        self._allow_unsafe = allow_unsafe
        self._read_only = dict(read_only or {})
        self._backend = backend
        self._places = threading.Semaphore(self.workers)
        self._lock = threading.Lock()
        self._choosing = threading.Lock()
        self._choices: dict[Language, Choice] = {}
        self._idle: dict[str, list[Worker]] = {}
        self._closed = False

    def __enter__(self) -> "Pool":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all idle workers; those at work end with their program."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, {}
        for workers in idle.values():
            for worker in workers:
                worker.close()

    def choice(self, language: Language) -> Choice:
        """Return where programs of `language` run; found out by a self-test at first use."""
        with self._choosing:
            if language not in self._choices:
                self._choices[language] = (
                    Choice(language=language, backend=self._backend)
                    if self._backend is not None
                    else choose(language, allow_unsafe=self._allow_unsafe)
                )
            return self._choices[language]

    def run(self, program: Program, limits: Limits = _DEFAULT) -> Execution:
        """Run one program and return how it ended; waits for a free worker."""
        return self._run(program, limits, None)

    def map(self, programs: Iterable[Program], limits: Limits = _DEFAULT) -> Iterator[Execution]:
        """Run many programs on all workers; yields in the order of `programs`."""
        # No more are taken from `programs` than are soon needed: they may be a long generator.
        waiting: list[Future[Execution]] = []
        with ThreadPoolExecutor(self.workers) as threads:
            for program in programs:
                waiting.append(threads.submit(self.run, program, limits))
                if len(waiting) > 2 * self.workers:
                    yield waiting.pop(0).result()
            while waiting:
                yield waiting.pop(0).result()

    def ask(
        self,
        program: Program,
        calls: Sequence[Call],
        limits: Limits = _DEFAULT,
        *,
        call_seconds: float | None = None,
    ) -> Exchange:
        """Load the program's entry file in a sandbox and call its functions, one after the other.

        Args:
            program: its entry is a module; what it prints or how it exits decides nothing.
            calls: asked in order, in one process. No expected value belongs here.
            limits: of the whole exchange.
            call_seconds: longest wait for one answer, and for loading; the whole time when not
                given.
        """
        questions = Questions(calls, call_seconds if call_seconds is not None else limits.seconds)
        return questions.exchange(self._run(driven(program), limits, questions))

    def converse(self, program: Program, talk: Talk, limits: Limits = _DEFAULT) -> Execution:
        """Run one program that speaks by the channel, and hold `talk` with it to its end.

        The program reads and writes lines: under node and Python by the two descriptors that
        `SANDBOX_CHANNEL` names, under deno by its standard streams.
        """
        return self._run(program, limits, talk)

    def _run(self, program: Program, limits: Limits, talk: Talk | None) -> Execution:
        choice = self.choice(program.language)
        if choice.backend is None:
            return refusal(choice.reason)
        with self._worker(choice.backend) as worker:
            return worker.run(program, limits, talk)

    @contextmanager
    def _worker(self, backend: Backend) -> Iterator[Worker]:
        with self._places:
            with self._lock:
                if self._closed:
                    raise SpecError("pool: it is closed; make a new one")
                idle = self._idle.setdefault(backend.name, [])
                worker = idle.pop() if idle else None
            worker = worker or backend.open_worker(self._read_only)
            try:
                yield worker
            except BaseException:
                worker.close()  # nobody knows what state it is in
                raise
            with self._lock:
                kept = not self._closed
                if kept:
                    self._idle.setdefault(backend.name, []).append(worker)
            if not kept:
                worker.close()
