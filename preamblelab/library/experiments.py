"""Experiment files to `Experiment`: every name looked up, every clause crossed."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import NamedTuple

from preamblelab.domain.claims import ClaimsSpec
from preamblelab.domain.experiments import Experiment, repetitions_of
from preamblelab.domain.models import ModelSpec, check_settings
from preamblelab.domain.preambles import BASELINE, COMMON, Preamble, VariantLabel, parse_label
from preamblelab.domain.tasks import Suite, Task
from preamblelab.library.catalogue import Catalogue, entry, read_catalogue, refuse_switch_words
from preamblelab.library.claims import read_claims
from preamblelab.library.files import Place
from preamblelab.library.fitting import fit, near
from preamblelab.library.forms import ExperimentForm
from preamblelab.library.nodes import Node, Source
from preamblelab.library.preambles import LoadedPreamble, as_name, read_preamble
from preamblelab.library.projects import Kind, Project, place_of
from preamblelab.library.rubrics import read_rubric
from preamblelab.library.strict_yaml import parse_fields
from preamblelab.library.suites import LoadedSuite, read_suite, with_files

_SCORER = re.compile(r"[A-Za-z_]\w*|judge/\S+|[A-Za-z_][\w.]*:[A-Za-z_]\w*")
_JUDGE = "judge/"


class LoadedExperiment(NamedTuple):
    """An experiment, and the lines it stands on."""

    experiment: Experiment
    source: Source


class LoadedForm(NamedTuple):
    """An experiment file as it is written, and the lines it stands on."""

    form: ExperimentForm
    source: Source


def load_experiment(named: str | Path, *, start: Path | None = None) -> Experiment:
    """The experiment of a name or a file, with everything it names.

    Args:
        named: A name in the project or among the shipped ones, or the path of a YAML file.
        start: Where the project of a name is looked for; None is the current folder.

    Raises:
        SpecError: There is none, its file is wrong, or it names what does not exist; the
            message names the line.
    """
    return load_experiment_with_source(named, start=start).experiment


def load_experiment_with_source(
    named: str | Path, *, start: Path | None = None
) -> LoadedExperiment:
    """As `load_experiment`, with the source, so that later errors can name a line.

    The source's parts are `rubric`, `suite` (where one file is the suite), `suites/NAME` and
    `preambles/NAME`.
    """
    place, project = place_of("experiments", named, start)
    form, source = _read_form(place)
    return _Resolver(
        form=form, source=source, place=place, project=project, catalogue=read_catalogue(project)
    ).resolve()


def read_experiment_file(named: str | Path, *, start: Path | None = None) -> LoadedForm:
    """What an experiment file says, without looking up the names in it.

    Raises:
        SpecError: There is no such file, or it is wrong in itself.
    """
    place, _ = place_of("experiments", named, start)
    return _read_form(place)


def _read_form(place: Place) -> LoadedForm:
    file = place.shown
    root = parse_fields(place.read(), file)
    shaped = root
    if "name" not in root.fields:
        shaped = root.with_fields(name=Node(as_name(Path(place.parts[-1]).stem), 1))
    refuse_switch_words(root.fields.get("settings"), file, "settings")
    for item in root.fields.get("models", root).items:
        refuse_switch_words(item.fields.get("settings"), file, "models.settings")
    source = Source(file=file, root=root)
    form = fit(ExperimentForm, shaped, file)
    with source.naming("settings"):
        check_settings(form.settings)
    return LoadedForm(form, source)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Resolver:
    """One experiment file on its way to an experiment."""

    form: ExperimentForm
    source: Source
    place: Place
    project: Project
    catalogue: Catalogue

    def resolve(self) -> LoadedExperiment:
        form = self.form
        parts: dict[str, Source] = {}
        preambles = self._preambles(parts)
        rubric = read_rubric(self._find("rubrics", form.rubric, "rubric"))
        parts["rubric"] = rubric.source
        kept = form.model_dump(
            include={
                "name", "question", "baseline", "scorers", "judgements", "until_decided",
                "margin", "settings", "seed", "delivery", "warm_up", "allow_unsafe",
            }
        )  # fmt: skip
        repetitions = repetitions_of(form.repetitions)
        resolved = {
            "repetitions": repetitions.most,
            "repetition_rule": repetitions.rule,
            "models": self._models(),
            "variants": self._variants(preambles),
            "preambles": preambles,
            "suite": self._suite(parts),
            "rubric": rubric.rubric,
            "judges": self._judges(),
            "budget": form.budget,
            "claims": self._claims(),
        }
        try:
            experiment = Experiment.model_validate({**kept, **resolved})
        except ValueError as error:
            # Each rule is checked above with its line; this is the noun's own last word.
            raise self.source.error("", " ".join(str(error).split())) from None
        root = self.source.root
        return LoadedExperiment(experiment, Source(file=self.source.file, root=root, parts=parts))

    def _claims(self) -> ClaimsSpec | None:
        if self.form.claims is None:
            return None
        with self.source.naming("claims"):
            place = self.place.beside(self.form.claims)
        return read_claims(place)[1]  # its own errors name its own lines

    def _find(self, kind: Kind, name: str, path: str) -> Place:
        with self.source.naming(path):
            return self.project.find(kind, name)

    def _models(self) -> tuple[ModelSpec, ...]:
        models: list[ModelSpec] = []
        for index, word in enumerate(self.form.models):
            model = word if isinstance(word, ModelSpec) else self._model(word, f"models.{index}")
            if model.name in {other.name for other in models}:
                raise self.source.error(
                    f"models.{index}", f"'{model.name}' stands here a second time"
                )
            models.append(model)
        return tuple(models)

    def _model(self, word: str, path: str) -> ModelSpec:
        with self.source.naming(path):
            return self.catalogue.model(word)

    def _judges(self) -> dict[str, ModelSpec]:
        """The judges among the scorers, by what stands behind `judge/`."""
        judges: dict[str, ModelSpec] = {}
        written = self.source.root.at(("judges",)).fields if self.form.judges else {}
        for index, scorer in enumerate(self.form.scorers):
            path = f"scorers.{index}"
            if not _SCORER.fullmatch(scorer):
                raise self.source.error(
                    path,
                    f"'{scorer}' is not a scorer: write text, judge/MODEL, "
                    "or module:name of a function of yours",
                )
            if scorer in self.form.scorers[:index]:
                raise self.source.error(path, f"'{scorer}' stands here a second time")
            word = scorer.removeprefix(_JUDGE)
            if word == scorer:
                continue
            judges[word] = (
                entry(word, written[word], self.source.file, f"judges.{word}")
                if word in written
                else self._model(word, path)
            )
        for word in written:
            if word not in judges:
                raise self.source.error("judges", f"no scorer is 'judge/{word}'; add it to scorers")
        return judges

    def _preambles(self, parts: dict[str, Source]) -> dict[str, Preamble]:
        """Every preamble that a label names."""
        preambles: dict[str, Preamble] = {}
        labels = [("baseline", self.form.baseline)]
        labels += [(f"variants.{index}", label) for index, label in enumerate(self.form.variants)]
        for path, written in labels:
            label = self._label(written, path)
            if label.name == BASELINE:
                continue
            if label.name not in preambles:
                loaded = self._preamble(label.name, path)
                preambles[label.name] = loaded.preamble
                parts[f"preambles/{label.name}"] = loaded.source
            self._refuse_unknown_parts(preambles[label.name], label, path)
        return preambles

    def _preamble(self, name: str, path: str) -> LoadedPreamble:
        loaded = read_preamble(self._find("preambles", name, path))
        if loaded.preamble.name != name:
            raise loaded.source.error(
                "name",
                f"'{loaded.preamble.name}' lies in a file called '{name}'; give both one name",
            )
        return loaded

    def _label(self, written: str, path: str) -> VariantLabel:
        with self.source.naming(path):
            return parse_label(written)

    def _refuse_unknown_parts(self, preamble: Preamble, label: VariantLabel, path: str) -> None:
        for clause in label.clauses:
            if clause not in preamble.clauses:
                raise self.source.error(
                    path,
                    f"preamble '{preamble.name}' has no clause '{clause}'; "
                    f"{near(clause, preamble.clauses)}",
                )
        sizes: Mapping[str, str] = {str(size): text for size, text in preamble.sizes.items()}
        if label.size not in {None, COMMON, *sizes}:
            raise self.source.error(
                path,
                f"preamble '{preamble.name}' has no text for {label.size}; "
                f"it has texts for: {', '.join(sizes) or 'no size of its own'}",
            )
        if label.size == COMMON and preamble.text is None:
            raise self.source.error(path, f"'{preamble.name}' has no common text")

    def _variants(self, preambles: Mapping[str, Preamble]) -> tuple[str, ...]:
        """Labels of all variants, each crossed with the clauses that are switched."""
        labels: list[str] = []
        switches = self._switches()
        for index, written in enumerate(self.form.variants):
            path = f"variants.{index}"
            for label in self._crossed(parse_label(written), switches, preambles):
                if label == self.form.baseline:
                    mend = "switch its clause on only" if switches else "take one of the two away"
                    raise self.source.error(
                        path, f"'{label}' is both the baseline and a variant; {mend}"
                    )
                if label in labels:
                    raise self.source.error(path, f"'{label}' comes a second time")
                labels.append(label)
        return tuple(labels)

    def _switches(self) -> dict[str, tuple[bool, ...]]:
        """Clauses to cross with, each with its states, off before on."""
        given = dict(self.form.clauses)
        if self.form.brevity is not None:
            if "brevity" in given:
                raise self.source.error("brevity", "stands under clauses too; keep one of the two")
            given["brevity"] = self.form.brevity
        return {
            clause: (states,) if isinstance(states, bool) else tuple(sorted(set(states)))
            for clause, states in given.items()
        }

    def _crossed(
        self,
        label: VariantLabel,
        switches: Mapping[str, tuple[bool, ...]],
        preambles: Mapping[str, Preamble],
    ) -> list[str]:
        if label.name == BASELINE:
            return [str(label)]
        for clause in switches:
            path = "brevity" if clause not in self.form.clauses else f"clauses.{clause}"
            known = preambles[label.name].clauses
            if clause not in known:
                raise self.source.error(
                    path,
                    f"preamble '{label.name}' has no clause '{clause}'; {near(clause, known)}",
                )
            if clause in label.clauses:
                raise self.source.error(
                    path, f"variant '{label}' names clause '{clause}' itself; write it without"
                )
        crossed = []
        for states in product(*switches.values()):
            on = tuple(clause for clause, state in zip(switches, states, strict=True) if state)
            whole = VariantLabel(name=label.name, size=label.size, clauses=(*label.clauses, *on))
            crossed.append(str(whole))
        return crossed

    def _suite(self, parts: dict[str, Source]) -> Suite:
        written = self.form.suite
        if isinstance(written, Suite):
            nodes = self.source.root.at(("suite", "tasks")).items
            tasks = self._inline(written.tasks, nodes)
            suite = written.model_copy(update={"tasks": tasks})
        elif isinstance(written, str):
            loaded = self._named_suite(written, "suite", parts)
            suite, parts["suite"] = loaded.suite, loaded.source
        else:
            suite = self._joined(written, parts)
        return self._picked(suite)

    def _named_suite(self, name: str, path: str, parts: dict[str, Source]) -> LoadedSuite:
        loaded = read_suite(self._find("suites", name, path))
        parts[f"suites/{name}"] = loaded.source
        return loaded

    def _inline(self, tasks: tuple[Task, ...], nodes: tuple[Node, ...]) -> tuple[Task, ...]:
        return tuple(
            with_files(task, node, self.place) for task, node in zip(tasks, nodes, strict=True)
        )

    def _joined(self, written: tuple[str | Task, ...], parts: dict[str, Source]) -> Suite:
        """One suite of several, and of tasks written out; called as the experiment is."""
        tasks: dict[str, Task] = {}
        for index, each in enumerate(written):
            path = f"suite.{index}"
            node = self.source.root.at(("suite", index))
            more = (
                self._named_suite(each, path, parts).suite.tasks
                if isinstance(each, str)
                else self._inline((each,), (node,))
            )
            for task in more:
                if task.name in tasks:
                    raise self.source.error(path, f"a second task '{task.name}'")
                tasks[task.name] = task
        names = [each for each in written if isinstance(each, str)]
        name = names[0] if len(written) == len(names) == 1 else self.form.name
        return Suite(name=name, tasks=tuple(tasks.values()))

    def _picked(self, suite: Suite) -> Suite:
        """The suite with the named tasks only, in the order in which they are named."""
        if not self.form.tasks:
            return suite
        tasks = {task.name: task for task in suite.tasks}
        for index, name in enumerate(self.form.tasks):
            path = f"tasks.{index}"
            if name not in tasks:
                raise self.source.error(
                    path, f"suite '{suite.name}' has no task '{name}'; {near(name, tasks)}"
                )
            if name in self.form.tasks[:index]:
                raise self.source.error(path, f"'{name}' stands here a second time")
        return suite.model_copy(update={"tasks": tuple(tasks[name] for name in self.form.tasks)})
