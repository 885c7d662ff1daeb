"""Builders of requests, trials and marks that every test of the store shares."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from preamblelab.domain.models import ModelSpec
from preamblelab.domain.records import Request, Response
from preamblelab.store import MarkRow, PlannedTrial, Store

FIVE = {"analysis": 20, "code": 30, "tests": 25, "quality": 15, "strategy": 10}
"""The dimensions of a rubric, with their points."""


def request(number: int = 0, *, model: str = "sim/mid", **fields: Any) -> Request:
    """A request that differs from all others by its number."""
    return Request(
        model=ModelSpec(id=model, name=model),
        **{
            "messages": ({"role": "user", "content": f"task {number}"},),
            "settings": {"temperature": 0.0},
            **fields,
        },
    )


def trial(number: int = 0, **fields: Any) -> PlannedTrial:
    """The trial that `request(number)` answers."""
    return PlannedTrial(
        **{
            "ordinal": number,
            "model": "mid",
            "size": "mid",
            "variant": "baseline",
            "task": f"task-{number}",
            "task_digest": f"digest-{number}",
            "response_key": request(number).key,
            "simulated": True,
            **fields,
        }
    )


def marks(number: int = 0, *, marking: str = "m", **points: float | None) -> list[MarkRow]:
    """Marks of `request(number)`: full in every dimension that is not named."""
    given = {**FIVE, **points}
    return [
        MarkRow(
            response_key=request(number).key,
            task_digest=f"digest-{number}",
            marking=marking,
            dimension=name,
            points=given[name],
            maximum=maximum,
            status="ok" if given[name] is not None else "no_json",
            reason="" if given[name] is not None else "prose only",
        )
        for name, maximum in FIVE.items()
    ]


def answer(number: int = 0, **fields: Any) -> tuple[Request, Response]:
    """A request and its answer, ready for `put`."""
    return request(number), Response(text=f"answer {number}", **fields)


def register(store: Store, count: int = 3, name: str = "e", **fields: Any) -> None:
    """An experiment of so many trials."""
    store.register(
        name,
        digest="d",
        document={"question": "why?"},
        trials=[trial(number, **fields) for number in range(count)],
        plan_digest=f"{name}-{count}",
    )


@pytest.fixture
def made() -> SimpleNamespace:
    """The builders above."""
    return SimpleNamespace(
        request=request, trial=trial, marks=marks, answer=answer, register=register, five=FIVE
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a store may be made."""
    return tmp_path / "runs.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    """A new store."""
    with Store(path) as store:
        yield store


Child = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def child(project_root: Path) -> Iterator[Child]:
    """Starts a Python process that runs a text; it is gone when the test ends."""
    started: list[subprocess.Popen[str]] = []

    def start(
        text: str, *arguments: object, prefix: tuple[str, ...] = ()
    ) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [*prefix, sys.executable, "-c", text, *map(str, arguments)],
            cwd=project_root,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()
