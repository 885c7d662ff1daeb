"""The tables of the store, as migrations that are applied in order, each once."""

import sqlite3
from collections.abc import Callable
from typing import Final

APPLICATION_ID: Final = 0x70726C62
"""`prlb`: tells our files from other programs' SQLite files."""

Migration = Callable[[sqlite3.Connection], None]


def m001_initial(connection: sqlite3.Connection) -> None:
    """Answers by content, names by experiment, marks, deliveries, facts and rendered reports."""
    for statement in _INITIAL.split(";\n\n"):
        connection.execute(statement)


def m002_evidence(connection: sqlite3.Connection) -> None:
    """What came of running answers, by their text and their task."""
    for statement in _EVIDENCE.split(";\n\n"):
        connection.execute(statement)


def m003_steps(connection: sqlite3.Connection) -> None:
    """What levels of a ladder said: a shorter preamble, a larger model."""
    for statement in _STEPS.split(";\n\n"):
        connection.execute(statement)


MIGRATIONS: Final[tuple[Migration, ...]] = (m001_initial, m002_evidence, m003_steps)
"""The n-th brings a file from schema version n-1 to n. Never change one that was released."""


# Texts lie apart from the narrow columns: a table over 100,000 answers never reads a text.
# Columns without a type hold TEXT, or a BLOB where TEXT would lose something (packing.py).
_INITIAL: Final = """\
CREATE TABLE migrations (
    version INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    applied TEXT NOT NULL
);

CREATE TABLE counters (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
);

INSERT INTO counters VALUES ('changes', 0);

CREATE TABLE messages (
    digest TEXT PRIMARY KEY,
    body TEXT NOT NULL
);

CREATE TABLE responses (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    model_id TEXT NOT NULL,
    digest TEXT NOT NULL,
    settings TEXT,
    messages_digest TEXT NOT NULL REFERENCES messages (digest),
    repetition INTEGER NOT NULL,
    output_hash TEXT NOT NULL,
    status TEXT NOT NULL,
    reason NOT NULL,
    finish,
    prompt_tokens INTEGER,
    completion_tokens INTEGER,
    estimated INTEGER NOT NULL,
    usd REAL,
    seconds REAL,
    first_token_seconds REAL,
    load_seconds REAL,
    served_model,
    route TEXT NOT NULL,
    flags TEXT,
    attempts INTEGER NOT NULL,
    simulated INTEGER NOT NULL,
    created TEXT NOT NULL
);

CREATE TABLE texts (
    response_id INTEGER PRIMARY KEY REFERENCES responses (id),
    text NOT NULL,
    reasoning,
    loop TEXT,
    tool_calls TEXT
);

CREATE TABLE failures (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL,
    role TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    model_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    reason NOT NULL,
    attempts INTEGER NOT NULL,
    prompt_tokens INTEGER,
    completion_tokens INTEGER,
    usd REAL,
    seconds REAL,
    route TEXT NOT NULL,
    created TEXT NOT NULL
);

CREATE INDEX failures_by_key ON failures (key);

CREATE TABLE experiments (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    digest TEXT NOT NULL,
    document TEXT NOT NULL,
    plan_digest TEXT NOT NULL,
    created TEXT NOT NULL,
    updated TEXT NOT NULL
);

CREATE TABLE trials (
    experiment_id INTEGER NOT NULL REFERENCES experiments (id),
    ordinal INTEGER NOT NULL,
    model TEXT NOT NULL,
    size TEXT NOT NULL,
    family TEXT,
    variant TEXT NOT NULL,
    part TEXT NOT NULL,
    version TEXT NOT NULL,
    task TEXT NOT NULL,
    task_digest TEXT NOT NULL,
    category TEXT NOT NULL,
    cluster TEXT,
    repetition INTEGER NOT NULL,
    response_key TEXT NOT NULL,
    simulated INTEGER NOT NULL,
    PRIMARY KEY (experiment_id, ordinal)
) WITHOUT ROWID;

CREATE TABLE ratings (
    id INTEGER PRIMARY KEY,
    response_key TEXT NOT NULL,
    mark_key TEXT NOT NULL,
    judge_response_key TEXT,
    scorer TEXT NOT NULL,
    judgement INTEGER NOT NULL,
    dimension TEXT NOT NULL,
    criterion INTEGER,
    points REAL,
    status TEXT NOT NULL,
    reason NOT NULL,
    evidence TEXT,
    flags TEXT,
    created TEXT NOT NULL
);

CREATE INDEX ratings_by_response
    ON ratings (response_key, mark_key, scorer, judgement, dimension);

CREATE TABLE marks (
    marking TEXT NOT NULL,
    response_key TEXT NOT NULL,
    task_digest TEXT NOT NULL,
    dimension TEXT NOT NULL,
    points REAL,
    maximum REAL NOT NULL,
    status TEXT NOT NULL,
    reason NOT NULL,
    PRIMARY KEY (marking, response_key, task_digest, dimension)
) WITHOUT ROWID;

CREATE TABLE markings (
    experiment_id INTEGER NOT NULL REFERENCES experiments (id),
    marking TEXT NOT NULL,
    document TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    created TEXT NOT NULL,
    PRIMARY KEY (experiment_id, marking)
) WITHOUT ROWID;

CREATE TABLE look_plans (
    experiment_id INTEGER PRIMARY KEY REFERENCES experiments (id),
    plan TEXT NOT NULL,
    marking TEXT NOT NULL,
    answered INTEGER NOT NULL,
    created TEXT NOT NULL
);

CREATE TABLE deliveries (
    experiment_id INTEGER NOT NULL REFERENCES experiments (id),
    model TEXT NOT NULL,
    variant TEXT NOT NULL,
    state TEXT NOT NULL,
    reasons TEXT,
    evidence TEXT,
    created TEXT NOT NULL,
    PRIMARY KEY (experiment_id, model, variant)
) WITHOUT ROWID;

CREATE TABLE facts (
    model_id TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    document TEXT NOT NULL,
    created TEXT NOT NULL,
    PRIMARY KEY (model_id, endpoint)
) WITHOUT ROWID;

CREATE TABLE reports (
    id INTEGER PRIMARY KEY,
    experiment_id INTEGER NOT NULL REFERENCES experiments (id),
    fingerprint TEXT NOT NULL,
    text NOT NULL,
    created TEXT NOT NULL,
    UNIQUE (experiment_id, fingerprint)
);

CREATE VIEW answers AS
SELECT e.name AS experiment, t.model, t.variant, t.task, t.repetition, r.status, r.reason,
    x.text, x.reasoning, m.body AS messages, r.key
FROM trials t
JOIN experiments e ON e.id = t.experiment_id
JOIN responses r ON r.key = t.response_key
JOIN texts x ON x.response_id = r.id
JOIN messages m ON m.digest = r.messages_digest
"""

# By the text and the task, not by the call: equal answers are run once.
_EVIDENCE: Final = """\
CREATE TABLE evidence (
    id INTEGER PRIMARY KEY,
    output_hash TEXT NOT NULL,
    task_digest TEXT NOT NULL,
    mode TEXT NOT NULL,
    kind TEXT NOT NULL,
    status TEXT NOT NULL,
    reason NOT NULL,
    parses INTEGER NOT NULL,
    loads INTEGER NOT NULL,
    tests INTEGER NOT NULL,
    passed INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    mutants INTEGER NOT NULL,
    killed INTEGER NOT NULL,
    line_share REAL,
    repairs TEXT,
    backend TEXT NOT NULL,
    backend_version TEXT NOT NULL,
    runner TEXT NOT NULL,
    isolated INTEGER NOT NULL,
    seconds REAL,
    created TEXT NOT NULL
);

CREATE UNIQUE INDEX evidence_by_answer ON evidence (output_hash, task_digest, mode);

CREATE TABLE evidence_details (
    evidence_id INTEGER PRIMARY KEY REFERENCES evidence (id),
    document TEXT NOT NULL
)
"""


_STEPS: Final = """\
CREATE TABLE steps (
    id INTEGER PRIMARY KEY,
    ladder TEXT NOT NULL,
    climb TEXT NOT NULL,
    place INTEGER NOT NULL,
    subject TEXT NOT NULL,
    about TEXT NOT NULL,
    level TEXT NOT NULL,
    word TEXT NOT NULL,
    tag TEXT NOT NULL,
    response_key TEXT NOT NULL,
    parent TEXT NOT NULL,
    reason NOT NULL,
    usd REAL,
    seconds REAL,
    simulated INTEGER NOT NULL,
    created TEXT NOT NULL
);

CREATE UNIQUE INDEX steps_by_climb ON steps (ladder, climb, place)
"""
