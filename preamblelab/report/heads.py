"""The first lines of a report, the same on every surface: question, verdict, design, noise."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from preamblelab.report.conclusions import noise_lines
from preamblelab.report.findings import Findings
from preamblelab.report.gaps import missing_line
from preamblelab.report.layout import Section, counted
from preamblelab.report.stopping import verdict_lines
from preamblelab.stats.verdicts import sentence

if TYPE_CHECKING:
    from pandas import DataFrame

SIMULATED: Final = "simulated"
_IN_FULL: Final = {
    "refused": " (no interval can be had)",
    "undelivered": " (the preamble did not arrive)",
}
"""What follows a verdict that nobody knows who sees it for the first time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What stands first; each line is a whole sentence, or empty where there is nothing to say."""

    title: str
    question: str
    verdicts: tuple[str, ...]
    """One for each variant over all models, with its uncertainty; or for each pair, at looks."""
    tally: str
    """How many verdicts of each kind there are, model by model."""
    shape: str
    """Models, tasks, repetitions, baseline, rubric."""
    missing: str
    noise: tuple[str, ...]

    @property
    def section(self) -> Section:
        """The same as a section."""
        lines = (
            self.question, *self.verdicts, self.tally, self.shape, self.missing, *self.noise
        )  # fmt: skip
        return Section(title=self.title, lines=tuple(line for line in lines if line))


def head_of(report: Findings) -> Head:
    """The first lines of a report."""
    scores = report.scores
    tasks, models = scores["task"].nunique(), scores["model"].nunique()
    repetitions = int(scores["repetition"].nunique())
    compared = report.noise.n_tasks
    few = f" (of which {compared} with scores in both arms, by the median)"
    shape = (
        f"{counted(models, 'model')}, {counted(tasks, 'task')}{few if compared < tasks else ''}, "
        f"{counted(repetitions, 'repetition')}; baseline: {report.baseline}"
        + (f"; rubric: {report.rubric}" if report.rubric else "")
    )
    return Head(
        title=title_of(report),
        question=report.question,
        verdicts=tuple(_verdicts(report)),
        tally=_tally(report.effects, report.margin),
        shape=shape,
        missing=missing_line(scores),
        noise=tuple(noise_lines(report)),
    )


def title_of(report: Findings) -> str:
    """The experiment's name; whether its results are simulated."""
    return report.experiment + (f" ({SIMULATED} results)" if report.simulated else "")


def _verdicts(report: Findings) -> list[str]:
    lines = [
        f"Verdict on {row['variant']}{_of_models(row, report.effects)}: {_overall_sentence(row)}"
        for row in report.overall.to_dict("records")
    ]
    if report.looks is not None:
        lines += verdict_lines(report.effects)
        if len(set(report.effects["model"])) > 1:
            lines.append(
                "Under a plan of looks there is no verdict over all models: the looks were planned "
                "for each pair of model and variant."
            )
    return lines


def _tally(effects: "DataFrame", margin: float) -> str:
    if len(effects) < 2:
        return ""
    counts = effects["verdict"].value_counts()
    each = ", ".join(f"{counts[name]} {name}{_IN_FULL.get(name, '')}" for name in counts.index)
    return f"By model (margin {margin:g} points): {each}."


def _of_models(row: Mapping[Any, Any], effects: "DataFrame") -> str:
    """How many models the verdict is over, where some that were asked have no effect."""
    asked = effects[effects["variant"] == row["variant"]]["model"].nunique()
    return f" over {row['n_models']} of {asked} models" if 0 < row["n_models"] < asked else ""


def _overall_sentence(row: Mapping[Any, Any]) -> str:
    """The sentence on a variant over all models, without its subject, which stands before it."""
    told = sentence({str(name): value for name, value in row.items()} | {"model": ""})
    said = told.partition(": ")[2].removesuffix(".")
    kind = str(row["scope"]).split(" ", maxsplit=1)[0]
    known = not kind or f"on {row['scope']}" in said or f"{kind} like these" in said
    return f"{said}." if known else f"{said} (on {row['scope']})."
