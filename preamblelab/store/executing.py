"""What came of running answers: kept by text and task, so that nothing is run twice."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from preamblelab.domain.base import canonical_json
from preamblelab.domain.evidence_records import MODES, Evidence, EvidenceMode
from preamblelab.store.connection import portions
from preamblelab.store.naming import TRIAL_COLUMNS, Naming
from preamblelab.store.packing import dump, load_mapping, load_tuple, pack, unpack, visible
from preamblelab.store.rows import PlannedTrial

if TYPE_CHECKING:
    from pandas import DataFrame

EVIDENCE_COLUMNS: Final = (
    "model", "variant", "task", "repetition", "mode", "kind", "status", "reason", "parses",
    "loads", "tests", "passed", "failed", "mutants", "killed", "line_share", "repairs", "backend",
    "backend_version", "runner", "isolated", "seconds", "response_key",
)  # fmt: skip
"""Columns of `Store.evidence`."""

_FIELDS: Final = (
    "mode, kind, status, reason, parses, loads, tests, passed, failed, mutants, killed, "
    "line_share, repairs, backend, backend_version, runner, isolated, seconds"
)
_PREFIXED: Final = ", ".join(f"v.{name.strip()}" for name in _FIELDS.split(","))

_EVIDENCE: Final = f"""
SELECT t.model, t.variant, t.task, t.repetition, {_PREFIXED}, t.response_key
FROM trials t JOIN responses r ON r.key = t.response_key
JOIN evidence v ON v.output_hash = r.output_hash AND v.task_digest = t.task_digest
WHERE t.experiment_id = ?1 ORDER BY t.ordinal, v.mode DESC
"""  # noqa: S608 - our own constants

_WITHOUT: Final = f"""
SELECT {TRIAL_COLUMNS} FROM trials t JOIN responses r ON r.key = t.response_key
WHERE t.experiment_id = ?1 AND t.ordinal > ?2 AND t.task_digest IN (
        SELECT key FROM json_each(?4)) AND (
    SELECT count(*) FROM evidence v
    WHERE v.output_hash = r.output_hash AND v.task_digest = t.task_digest
        AND v.status <> 'missing'
        AND v.runner = (SELECT value FROM json_each(?4) WHERE key = t.task_digest)
    ) < {len(MODES)}
ORDER BY t.ordinal LIMIT ?3
"""  # noqa: S608 - our own constants

_DETAILS: Final = """
SELECT v.mode, d.document FROM responses r
JOIN evidence v ON v.output_hash = r.output_hash
JOIN evidence_details d ON d.evidence_id = v.id
WHERE r.key = ?1 AND (?2 IS NULL OR v.task_digest = ?2) ORDER BY v.mode DESC
"""

_OF_ANSWERS: Final = f"""
SELECT v.output_hash, v.task_digest, {_PREFIXED}, d.document FROM evidence v
LEFT JOIN evidence_details d ON d.evidence_id = v.id
WHERE v.output_hash IN (SELECT value FROM json_each(?))
"""  # noqa: S608 - our own constants


_REPLACED: Final = """
SELECT 1 FROM evidence WHERE output_hash = ? AND task_digest = ? AND mode = ?
    AND status <> 'missing' AND runner <> ?
"""

_FORGET_MARKS: Final = """
DELETE FROM marks WHERE task_digest = ?
    AND response_key IN (SELECT key FROM responses WHERE output_hash = ?)
    AND marking IN (SELECT marking FROM markings
        WHERE json_extract(document, '$.checks.evidence') IS NOT NULL)
"""


class EvidenceRow(NamedTuple):
    """Evidence, and the answer and task that it is of."""

    output_hash: str
    task_digest: str
    evidence: Evidence


class Executing(Naming):
    """Evidence that executed."""

    def unexecuted(self, experiment: str, runners: Mapping[str, str]) -> Iterator[PlannedTrial]:
        """Answered trials whose answer was not yet run by the runner of today.

        What is missing because nothing could be run counts as not run. Evidence may be stored
        while this is read.

        Args:
            experiment: its name.
            runners: label of the runner by task digest; other tasks are left out.
        """
        number = self._experiment_id(experiment)
        return self._pages(_WITHOUT, number, canonical_json(dict(runners)))

    def put_evidence(self, rows: Sequence[EvidenceRow]) -> None:
        """Store evidence durably, in one transaction; it replaces that of the same place."""
        if not rows:
            return
        now = self._clock()
        with self._writing("store evidence") as connection:
            for row in rows:
                _put(connection, row, now)

    def evidence_of(self, outputs: Iterable[str]) -> dict[tuple[str, str], dict[str, Evidence]]:
        """Evidence by mode, for each output hash and task digest of some answers."""
        found: dict[tuple[str, str], dict[str, Evidence]] = {}
        for portion in portions(outputs, 500):
            with self._reading("read evidence") as connection:
                for row in connection.execute(_OF_ANSWERS, (json.dumps(portion),)):
                    evidence = _as_evidence(row[2:])
                    found.setdefault((row[0], row[1]), {})[evidence.mode] = evidence
        return found

    def evidence_details(
        self, response_key: str, task_digest: str | None = None
    ) -> dict[str, dict[str, Any]]:
        """What each test, mutant, case or property did, by mode; empty where nothing was run.

        Args:
            response_key: which answer.
            task_digest: which task it answered, where one text answers several.
        """
        with self._reading("read details of evidence") as connection:
            rows = connection.execute(_DETAILS, (response_key, task_digest)).fetchall()
        return {mode: load_mapping(document) for mode, document in rows}

    def evidence(self, experiment: str) -> "DataFrame":
        """One row per trial and mode, in the order of the plan; trials without evidence have none.

        Returns:
            Columns as in `EVIDENCE_COLUMNS`; `repairs` joined by `, `; what is missing has no
            numbers.

        Raises:
            SpecError: there is no such experiment.
        """
        import pandas as pd

        number = self._experiment_id(experiment)
        with self._reading("read evidence") as connection:
            rows = connection.execute(_EVIDENCE, (number,)).fetchall()
        table = pd.DataFrame([_shown(row) for row in rows], columns=list(EVIDENCE_COLUMNS))
        counts = ["tests", "passed", "failed", "mutants", "killed"]
        types: dict[str, Any] = {
            **dict.fromkeys(counts, "Int64"),
            **dict.fromkeys(["parses", "loads"], "boolean"),
            **dict.fromkeys(["line_share", "seconds"], "float64"),
            "isolated": "bool",
            "repetition": "int64",
        }
        return table.astype(types)


def _put(connection: sqlite3.Connection, row: EvidenceRow, now: str) -> None:
    evidence = row.evidence
    place = (row.output_hash, row.task_digest, evidence.mode)
    if connection.execute(_REPLACED, (*place, evidence.runner)).fetchone():
        # Marks that rest on the older evidence are no longer true; all others are.
        connection.execute(_FORGET_MARKS, (row.task_digest, row.output_hash))
    connection.execute(
        "DELETE FROM evidence_details WHERE evidence_id IN (SELECT id FROM evidence "
        "WHERE output_hash = ? AND task_digest = ? AND mode = ?)",
        place,
    )
    connection.execute(
        "DELETE FROM evidence WHERE output_hash = ? AND task_digest = ? AND mode = ?", place
    )
    values = (
        row.output_hash, row.task_digest, evidence.mode, evidence.kind, evidence.status,
        pack(evidence.reason), evidence.parses, evidence.loads, evidence.tests, evidence.passed,
        evidence.failed, evidence.mutants, evidence.killed, evidence.line_share,
        dump(evidence.repairs), evidence.backend, evidence.backend_version, evidence.runner,
        evidence.isolated, evidence.seconds, now,
    )  # fmt: skip
    marks = ", ".join("?" * len(values))
    cursor = connection.execute(
        f"INSERT INTO evidence (output_hash, task_digest, {_FIELDS}, created) VALUES ({marks})",  # noqa: S608
        values,
    )
    if evidence.details:
        connection.execute(
            "INSERT INTO evidence_details VALUES (?, ?)",
            (cursor.lastrowid, canonical_json(dict(evidence.details))),
        )


def _as_evidence(row: Sequence[Any]) -> Evidence:
    return Evidence(
        mode=cast("EvidenceMode", row[0]),
        kind=row[1],
        status=row[2],
        reason=unpack(row[3]),
        parses=bool(row[4]),
        loads=bool(row[5]),
        tests=row[6],
        passed=row[7],
        failed=row[8],
        mutants=row[9],
        killed=row[10],
        line_share=row[11],
        repairs=load_tuple(row[12]),
        backend=row[13],
        backend_version=row[14],
        runner=row[15],
        isolated=bool(row[16]),
        seconds=row[17],
        details=load_mapping(row[18]),
    )


def _shown(row: Sequence[Any]) -> list[Any]:
    cells = list(row)
    cells[7] = visible(cells[7])
    if cells[6] == "missing":
        cells[8:16] = [None] * 8
    else:
        cells[8:10] = [bool(each) for each in cells[8:10]]
    cells[16] = ", ".join(map(str, load_tuple(cells[16])))
    cells[20] = bool(cells[20])
    return cells
