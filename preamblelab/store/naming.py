"""Names by experiment: which plan calls which answer what, deliveries, facts, rendered reports."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any, Final

from preamblelab.domain.base import canonical_json, content_digest
from preamblelab.domain.facts import ModelFacts
from preamblelab.store.connection import Connection
from preamblelab.store.packing import dump, load_mapping, load_tuple, pack, unpack
from preamblelab.store.rows import Delivery, ExperimentEntry, PlannedTrial

TRIAL_COLUMNS: Final = (
    "t.ordinal, t.model, t.size, t.family, t.variant, t.part, t.version, t.task, t.task_digest, "
    "t.category, t.cluster, t.repetition, t.response_key, t.simulated"
)
"""In the order of the fields of `PlannedTrial`."""

PAGE: Final = 1000
"""Trials read at a time, so that no statement stays open while the caller writes."""

_KEPT_REPORTS: Final = 16


class Naming(Connection):
    """Experiments, their trials, and what is known about their models."""

    def register(
        self,
        experiment: str,
        *,
        digest: str,
        document: Mapping[str, Any],
        trials: Iterable[PlannedTrial],
        plan_digest: str,
    ) -> None:
        """Give an experiment's names to answers that are there or will be.

        Args:
            experiment: its name; a known one is brought up to date.
            digest: `Experiment.digest`.
            document: the plan as JSON, to be read again by `document`.
            trials: all trials in their order; not looked at when `plan_digest` is the stored one.
            plan_digest: address of all trials with their keys and names.
        """
        now = self._clock()
        body = canonical_json(dict(document))
        with self._writing("register an experiment") as connection:
            known = connection.execute(
                "SELECT id, digest, document, plan_digest FROM experiments WHERE name = ?",
                (experiment,),
            ).fetchone()
            if known is not None and known[1:] == (digest, body, plan_digest):
                return
            connection.execute(
                "INSERT INTO experiments (name, digest, document, plan_digest, created, updated) "
                "VALUES (?1, ?2, ?3, ?4, ?5, ?5) ON CONFLICT (name) DO UPDATE SET "
                "digest = ?2, document = ?3, plan_digest = ?4, updated = ?5",
                (experiment, digest, body, plan_digest, now),
            )
            if known is not None and known[3] == plan_digest:
                return
            number = self._experiment_id(experiment)
            connection.execute("DELETE FROM trials WHERE experiment_id = ?", (number,))
            connection.executemany(
                "INSERT INTO trials VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                ((number, *_as_row(trial)) for trial in trials),
            )

    def plan_digest(self, experiment: str) -> str | None:
        """The address of the registered trials; None when there is no such experiment."""
        with self._reading("find an experiment") as connection:
            row = connection.execute(
                "SELECT plan_digest FROM experiments WHERE name = ?", (experiment,)
            ).fetchone()
        return None if row is None else str(row[0])

    def experiments(self) -> list[ExperimentEntry]:
        """All experiments by name."""
        with self._reading("list experiments") as connection:
            rows = connection.execute(
                "SELECT e.name, e.created, e.updated, e.document, count(t.ordinal), count(r.key), "
                "coalesce(max(t.simulated), 0) FROM experiments e "
                "LEFT JOIN trials t ON t.experiment_id = e.id "
                "LEFT JOIN responses r ON r.key = t.response_key GROUP BY e.id ORDER BY e.name"
            ).fetchall()
            return [
                ExperimentEntry(
                    name=name,
                    created=created,
                    updated=updated,
                    trials=trials,
                    answered=answered,
                    question=str(json.loads(document).get("question") or ""),
                    simulated=bool(simulated),
                )
                for name, created, updated, document, trials, answered, simulated in rows
            ]

    def document(self, experiment: str) -> dict[str, Any]:
        """The plan as it was registered.

        Raises:
            SpecError: there is no such experiment; the message says which there are.
        """
        number = self._experiment_id(experiment)
        with self._reading("read an experiment") as connection:
            row = connection.execute(
                "SELECT document FROM experiments WHERE id = ?", (number,)
            ).fetchone()
            return load_mapping(row[0])

    def trials(self, experiment: str) -> Iterator[PlannedTrial]:
        """All trials in their order, a page of them in memory at a time.

        Raises:
            SpecError: there is no such experiment.
        """
        return self._pages(
            f"SELECT {TRIAL_COLUMNS} FROM trials t "  # noqa: S608 - our own constant
            "WHERE t.experiment_id = ?1 AND t.ordinal > ?2 ORDER BY t.ordinal LIMIT ?3",
            self._experiment_id(experiment),
        )

    def trials_with(self, experiment: str, keys: Iterable[str]) -> list[PlannedTrial]:
        """The trials that some answers belong to, in their order.

        Args:
            experiment: its name.
            keys: `Request.key` of each of the answers.

        Raises:
            SpecError: there is no such experiment.
        """
        number = self._experiment_id(experiment)
        with self._reading("read trials") as connection:
            rows = connection.execute(
                f"SELECT {TRIAL_COLUMNS} FROM trials t WHERE t.experiment_id = ?1 "  # noqa: S608
                "AND t.response_key IN (SELECT value FROM json_each(?2)) ORDER BY t.ordinal",
                (number, json.dumps(list(keys))),
            ).fetchall()
        return [_as_trial(row) for row in rows]

    def _pages(self, statement: str, number: int, *more: object) -> Iterator[PlannedTrial]:
        """Trials page by page; the statement takes experiment, last ordinal, limit and more."""
        last = -1
        while True:
            with self._reading("read trials") as connection:
                rows = connection.execute(statement, (number, last, PAGE, *more)).fetchall()
            for row in rows:
                yield _as_trial(row)
            if len(rows) < PAGE:
                return
            last = rows[-1][0]

    def put_delivery(self, experiment: str, rows: Sequence[Delivery]) -> None:
        """Keep whether preambles reached models; a newer finding replaces the older."""
        number = self._experiment_id(experiment)
        now = self._clock()
        with self._writing("store a delivery check") as connection:
            connection.executemany(
                "INSERT INTO deliveries VALUES (?, ?, ?, ?, ?, ?, ?) "
                "ON CONFLICT (experiment_id, model, variant) DO UPDATE SET state = excluded.state, "
                "reasons = excluded.reasons, evidence = excluded.evidence, "
                "created = excluded.created WHERE (state, reasons, evidence) IS NOT "
                "(excluded.state, excluded.reasons, excluded.evidence)",
                (
                    (
                        number,
                        row.model,
                        row.variant,
                        row.state,
                        dump(row.reasons),
                        dump(row.evidence),
                        now,
                    )
                    for row in rows
                ),
            )

    def deliveries(self, experiment: str) -> list[Delivery]:
        """What is known about the delivery of preambles, by model and variant."""
        number = self._experiment_id(experiment)
        with self._reading("read delivery checks") as connection:
            rows = connection.execute(
                "SELECT model, variant, state, reasons, evidence, created FROM deliveries "
                "WHERE experiment_id = ? ORDER BY model, variant",
                (number,),
            ).fetchall()
            return [
                Delivery(
                    model=model,
                    variant=variant,
                    state=state,
                    reasons=load_tuple(reasons),
                    evidence=load_mapping(evidence),
                    created=created,
                )
                for model, variant, state, reasons, evidence, created in rows
            ]

    def put_facts(self, model_id: str, endpoint: str, facts: ModelFacts) -> None:
        """Keep what is known about a model at an endpoint; the newest replaces the older."""
        with self._writing("store facts about a model") as connection:
            connection.execute(
                "INSERT INTO facts VALUES (?, ?, ?, ?) ON CONFLICT (model_id, endpoint) "
                "DO UPDATE SET document = excluded.document, created = excluded.created "
                "WHERE document <> excluded.document",
                (model_id, endpoint, canonical_json(asdict(facts)), self._clock()),
            )

    def facts(self, model_id: str, endpoint: str) -> ModelFacts | None:
        """What is known about a model at an endpoint, or None."""
        with self._reading("read facts about a model") as connection:
            row = connection.execute(
                "SELECT document FROM facts WHERE model_id = ? AND endpoint = ?",
                (model_id, endpoint),
            ).fetchone()
            if row is None:
                return None
            document = load_mapping(row[0])
            known = {
                each.name: document[each.name]
                for each in fields(ModelFacts)
                if each.name in document
            }
            return ModelFacts(**{**known, "notes": tuple(known.get("notes", ()))})

    def fingerprint(self, experiment: str) -> str:
        """Changes with anything that may change a report of this experiment; cheap.

        Every transaction that changes the store counts, so it also changes when only another
        experiment did: a report is then made anew without need, but never shown out of date.
        """
        number = self._experiment_id(experiment)
        with self._reading("read the state of an experiment") as connection:
            state = connection.execute(
                "SELECT c.value, e.digest, e.plan_digest FROM counters c, experiments e "
                "WHERE c.name = 'changes' AND e.id = ?",
                (number,),
            ).fetchone()
        return content_digest([experiment, *state])

    def put_report(self, experiment: str, fingerprint: str, text: str) -> None:
        """Keep a rendered report under a fingerprint; the oldest of an experiment's are dropped."""
        number = self._experiment_id(experiment)
        with self._writing("store a report", counts=False) as connection:
            connection.execute(
                "INSERT INTO reports (experiment_id, fingerprint, text, created) "
                "VALUES (?, ?, ?, ?) ON CONFLICT (experiment_id, fingerprint) "
                "DO UPDATE SET text = excluded.text, created = excluded.created",
                (number, fingerprint, pack(text), self._clock()),
            )
            connection.execute(
                "DELETE FROM reports WHERE experiment_id = ?1 AND id NOT IN (SELECT id "
                "FROM reports WHERE experiment_id = ?1 ORDER BY id DESC LIMIT ?2)",
                (number, _KEPT_REPORTS),
            )

    def latest_report(self, experiment: str, fingerprint: str) -> str | None:
        """The report that was rendered under this fingerprint, or None."""
        number = self._experiment_id(experiment)
        with self._reading("read a report") as connection:
            row = connection.execute(
                "SELECT text FROM reports WHERE experiment_id = ? AND fingerprint = ?",
                (number, fingerprint),
            ).fetchone()
        return None if row is None else unpack(row[0])


def _as_row(trial: PlannedTrial) -> tuple[Any, ...]:
    return (
        trial.ordinal,
        trial.model,
        trial.size,
        trial.family,
        trial.variant,
        trial.part,
        trial.version,
        trial.task,
        trial.task_digest,
        trial.category,
        trial.cluster,
        trial.repetition,
        trial.response_key,
        trial.simulated,
    )


def _as_trial(row: tuple[Any, ...]) -> PlannedTrial:
    """A trial from `TRIAL_COLUMNS`."""
    return PlannedTrial(
        ordinal=row[0],
        model=row[1],
        size=row[2],
        family=row[3],
        variant=row[4],
        part=row[5],
        version=row[6],
        task=row[7],
        task_digest=row[8],
        category=row[9],
        cluster=row[10],
        repetition=row[11],
        response_key=row[12],
        simulated=bool(row[13]),
    )
