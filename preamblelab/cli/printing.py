"""How results and errors leave the program: standard output, one line of error, exit code."""

import io
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any, Literal, TextIO, cast

import typer

from preamblelab.errors import PreamblelabError

if TYPE_CHECKING:
    from preamblelab.lab.checking import Check, ModelCheck
    from preamblelab.lab.commands import Result
    from preamblelab.report.reports import Report

Format = Literal["text", "md", "csv", "json"]

FAILED = 1
INCOMPLETE = 1
BUDGET_SPENT = 4
INTERRUPTED = 130
_STOPPED = "interrupted: what was stored stays; the same command goes on"


def guarded(app: typer.Typer) -> int:
    """Run the app; turn our errors into one line and an exit code.

    `PREAMBLELAB_DEBUG=1` lets the traceback through.
    """
    for stream in (sys.stdout, sys.stderr):
        # A lone surrogate or an emoji on a narrow terminal must not end a report.
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
    try:
        with _interruptible():
            app(prog_name="preamblelab")
    except PreamblelabError as error:
        if os.environ.get("PREAMBLELAB_DEBUG"):
            raise
        typer.echo(f"error: {one_line(error)}", err=True)
        return error.exit_code
    except BrokenPipeError:
        # The reader of our output has gone (`| head`); nobody is left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        # While typer builds the commands; later it catches this itself.
        typer.echo(_STOPPED, err=True)
        return INTERRUPTED
    except SystemExit as left:
        # typer makes a silent exit of Ctrl-C, and whoever waits is told nothing of what is stored.
        if isinstance(getattr(left.__context__, "__cause__", None), KeyboardInterrupt):
            typer.echo(_STOPPED, err=True)
        raise
    return 0


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C end the program also while modules are imported, which takes seconds."""
    in_main = threading.current_thread() is threading.main_thread()
    if not in_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _interrupt(_: int, frame: FrameType | None) -> None:
    """End what is going on.

    Inside an import an exception may be raised where Python drops it, with the lock of all imports
    held: the program would go on until its first thread imports something, and then wait for ever.
    Nothing needs to be put in order there: whatever is stored survives a kill.
    """
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            # Nothing may be imported here, not even to say what is stored.
            counting = sys.modules.get("preamblelab.lab.interrupting")
            line = counting.line_now() if counting is not None else None
            os.write(2, f"{line or _STOPPED}\n".encode())
            os._exit(INTERRUPTED)
        frame = frame.f_back
    raise KeyboardInterrupt


def one_line(error: object) -> str:
    """An error's text, or anything else's, in one line, control characters made visible."""
    from preamblelab.report.escaping import for_terminal

    return for_terminal(" ".join(str(error).split()))


class Visible(io.TextIOBase):
    """Writes to a terminal what a terminal would obey so that it is seen instead.

    A file or a pipe gets every character as it is: `for_reader` tells the two apart.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write the text with control characters and direction marks made visible."""
        from preamblelab.report.escaping import for_terminal

        self._stream.write(for_terminal(text.replace("\r\n", "\n")))
        return len(text)

    def flush(self) -> None:
        """Write on what is waiting."""
        self._stream.flush()


def for_reader() -> TextIO:
    """Standard output, made safe where a terminal reads it."""
    return cast("TextIO", Visible(sys.stdout)) if sys.stdout.isatty() else sys.stdout


def print_report(report: "Report", form: Format) -> None:
    """The report on standard output, in the wanted format."""
    sys.stdout.write(rendered(report, form))


def rendered(report: "Report", form: Format) -> str:
    """The report in the wanted format."""
    if form == "json":
        return report.to_json()
    if form == "csv":
        return report.to_csv()
    return report.to_markdown() if form == "md" else str(report)


def exit_for(result: "Result", again: str) -> None:
    """Say how to go on where a run is not complete, and leave with its exit code."""
    for line in result.open_lines(again):
        typer.echo(line, err=True)
    if result.interrupted:
        raise typer.Exit(INTERRUPTED)
    if result.outcome.tally.stopped.startswith("budget."):
        raise typer.Exit(BUDGET_SPENT)
    if not result.complete:
        raise typer.Exit(INCOMPLETE)


def print_check(check: "Check", form: Literal["text", "json"]) -> None:
    """What a run would ask and cost."""
    import json
    from dataclasses import asdict

    if form == "json":
        data: dict[str, Any] = asdict(check)
        data |= {
            "trials": check.trials,
            "hits": check.hits,
            "misses": check.trials - check.hits,
            "calls": check.calls,
            "usd": check.usd,
        }
        typer.echo(json.dumps(data, indent=2))
        return
    from preamblelab.report.layout import as_text

    sys.stdout.write(as_text(_check_sections(check)))


def _check_sections(check: "Check") -> list[Any]:
    from preamblelab.report.layout import Grid, Section, counted

    columns = (
        "model",
        "size",
        "by",
        "trials",
        "in store",
        "to ask",
        "tokens at most",
        "usd at most",
    )
    rows = tuple(_check_row(each) for each in (*check.models, *check.judges))
    tokens = sum(each.prompt_tokens + each.answer_tokens for each in (*check.models, *check.judges))
    cost = (
        "cost unknown, a price is missing" if check.usd is None else f"{check.usd:.4f} usd at most"
    )
    lines = [
        (
            f"{check.trials} trials: {check.hits} answered in the store, "
            f"{check.trials - check.hits} to ask; {counted(check.calls, 'call')}"
            f"{' with judges' if check.judges else ''}, {tokens:,} tokens at most; {cost}."
        ),
        f"The delivery check adds {counted(check.probes, 'short call')} at most. Nothing was sent.",
    ]
    if check.stops_early:
        lines.append("Looks, or the seed rule, may ask less: these are the most.")
    if check.answer_limit_assumed:
        lines.append(
            "No max_tokens limits the answers of some model: 4096 tokens an answer are assumed."
        )
    notes = [f"{each.model}: {w}" for each in check.models for w in each.warnings]
    grid = Grid(columns=columns, rows=rows, right=frozenset(columns[3:]))
    return [Section(title=check.experiment, lines=tuple(lines), grid=grid, notes=tuple(notes))]


def _check_row(each: "ModelCheck") -> tuple[str, ...]:
    tokens = f"{each.prompt_tokens + each.answer_tokens:,}"
    usd = "unknown" if each.usd is None else f"{each.usd:.4f}"
    name = f"{each.model} (simulated)" if each.simulated else each.model
    return (
        name,
        f"{each.size} ({each.size_source})",
        each.way,
        str(each.trials),
        str(each.hits),
        str(each.calls),
        tokens,
        usd,
    )
