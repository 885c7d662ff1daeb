PRAGMA application_id = 1886547042;
PRAGMA user_version = 3;
BEGIN TRANSACTION;
CREATE TABLE counters (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
);
INSERT INTO "counters" VALUES('changes',11);
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
INSERT INTO "deliveries" VALUES(1,'mid','careful','undelivered','["r"]',NULL,'2026-01-01T00:00:00.000000Z');
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
INSERT INTO "evidence" VALUES(1,'b2:24bf0c55edddc262f81091fcbe695046','digest-0','strict','tests','ok','',1,1,2,1,1,3,2,0.5,'["x"]','none','','pytest 9',1,NULL,'2026-01-01T00:00:00.000000Z');
CREATE TABLE evidence_details (
    evidence_id INTEGER PRIMARY KEY REFERENCES evidence (id),
    document TEXT NOT NULL
);
INSERT INTO "evidence_details" VALUES(1,'{"tests":[{"name":"test_a"}]}');
CREATE TABLE experiments (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    digest TEXT NOT NULL,
    document TEXT NOT NULL,
    plan_digest TEXT NOT NULL,
    created TEXT NOT NULL,
    updated TEXT NOT NULL
);
INSERT INTO "experiments" VALUES(1,'recorded','d','{"question":"why?"}','recorded-4','2026-01-01T00:00:00.000000Z','2026-01-01T00:00:00.000000Z');
CREATE TABLE facts (
    model_id TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    document TEXT NOT NULL,
    created TEXT NOT NULL,
    PRIMARY KEY (model_id, endpoint)
) WITHOUT ROWID;
INSERT INTO "facts" VALUES('sim/mid','sim','{"active_b":null,"context":null,"default_system":null,"digest":null,"family":null,"model":"sim/mid","notes":[],"quantisation":null,"size":"mid","sources":{},"total_b":null}','2026-01-01T00:00:00.000000Z');
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
INSERT INTO "failures" VALUES(1,'b2:5de0783f73603acc6fb0a64f9bd05462','subject','sim','sim/mid','rate','rate: 429',1,NULL,NULL,NULL,NULL,'','2026-01-01T00:00:00.000000Z');
CREATE TABLE look_plans (
    experiment_id INTEGER PRIMARY KEY REFERENCES experiments (id),
    plan TEXT NOT NULL,
    marking TEXT NOT NULL,
    answered INTEGER NOT NULL,
    created TEXT NOT NULL
);
INSERT INTO "look_plans" VALUES(1,'{"n_tasks": 4}','m',0,'2026-01-01T00:00:00.000000Z');
CREATE TABLE markings (
    experiment_id INTEGER NOT NULL REFERENCES experiments (id),
    marking TEXT NOT NULL,
    document TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    created TEXT NOT NULL,
    PRIMARY KEY (experiment_id, marking)
) WITHOUT ROWID;
INSERT INTO "markings" VALUES(1,'m','{"mark_keys":["k"]}',1,'2026-01-01T00:00:00.000000Z');
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
INSERT INTO "marks" VALUES('m','b2:68f8d564bc3f0a8de5150cfdd81e686e','digest-2','analysis',20.0,20.0,'ok','');
INSERT INTO "marks" VALUES('m','b2:68f8d564bc3f0a8de5150cfdd81e686e','digest-2','code',NULL,30.0,'no_json','prose only');
INSERT INTO "marks" VALUES('m','b2:68f8d564bc3f0a8de5150cfdd81e686e','digest-2','quality',15.0,15.0,'ok','');
INSERT INTO "marks" VALUES('m','b2:68f8d564bc3f0a8de5150cfdd81e686e','digest-2','strategy',10.0,10.0,'ok','');
INSERT INTO "marks" VALUES('m','b2:68f8d564bc3f0a8de5150cfdd81e686e','digest-2','tests',25.0,25.0,'ok','');
INSERT INTO "marks" VALUES('m','b2:abea12fa27e67644f9d0e185d015ee96','digest-0','analysis',20.0,20.0,'ok','');
INSERT INTO "marks" VALUES('m','b2:abea12fa27e67644f9d0e185d015ee96','digest-0','code',30.0,30.0,'ok','');
INSERT INTO "marks" VALUES('m','b2:abea12fa27e67644f9d0e185d015ee96','digest-0','quality',15.0,15.0,'ok','');
INSERT INTO "marks" VALUES('m','b2:abea12fa27e67644f9d0e185d015ee96','digest-0','strategy',10.0,10.0,'ok','');
INSERT INTO "marks" VALUES('m','b2:abea12fa27e67644f9d0e185d015ee96','digest-0','tests',25.0,25.0,'ok','');
INSERT INTO "marks" VALUES('m','b2:f28f4671681b7ea31b57316da8c72bf8','digest-1','analysis',20.0,20.0,'ok','');
INSERT INTO "marks" VALUES('m','b2:f28f4671681b7ea31b57316da8c72bf8','digest-1','code',0.0,30.0,'ok','');
INSERT INTO "marks" VALUES('m','b2:f28f4671681b7ea31b57316da8c72bf8','digest-1','quality',15.0,15.0,'ok','');
INSERT INTO "marks" VALUES('m','b2:f28f4671681b7ea31b57316da8c72bf8','digest-1','strategy',10.0,10.0,'ok','');
INSERT INTO "marks" VALUES('m','b2:f28f4671681b7ea31b57316da8c72bf8','digest-1','tests',25.0,25.0,'ok','');
CREATE TABLE messages (
    digest TEXT PRIMARY KEY,
    body TEXT NOT NULL
);
INSERT INTO "messages" VALUES('b2:7a09887960ad9cd8d4cf1087d0dc50a9','[{"role":"user","content":"task 0"}]');
INSERT INTO "messages" VALUES('b2:dd30b4a1d1798a69287aaf6129742c98','[{"role":"user","content":"task 1"}]');
INSERT INTO "messages" VALUES('b2:081ec421941822e444f23d5a8885a42e','[{"role":"user","content":"task 2"}]');
CREATE TABLE migrations (
    version INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    applied TEXT NOT NULL
);
INSERT INTO "migrations" VALUES(1,'m001_initial','2026-01-01T00:00:00.000000Z');
INSERT INTO "migrations" VALUES(2,'m002_evidence','2026-01-01T00:00:00.000000Z');
INSERT INTO "migrations" VALUES(3,'m003_steps','2026-01-01T00:00:00.000000Z');
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
INSERT INTO "ratings" VALUES(1,'b2:abea12fa27e67644f9d0e185d015ee96','k',NULL,'text',1,'code',NULL,30.0,'ok','','["seen"]',NULL,'2026-01-01T00:00:00.000000Z');
CREATE TABLE reports (
    id INTEGER PRIMARY KEY,
    experiment_id INTEGER NOT NULL REFERENCES experiments (id),
    fingerprint TEXT NOT NULL,
    text NOT NULL,
    created TEXT NOT NULL,
    UNIQUE (experiment_id, fingerprint)
);
INSERT INTO "reports" VALUES(1,1,'b2:8de219bb1294f85b80f4e50f50570639','# Report','2026-01-01T00:00:00.000000Z');
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
INSERT INTO "responses" VALUES(1,'b2:abea12fa27e67644f9d0e185d015ee96','subject','sim','sim/mid','','{"temperature":0.0}','b2:7a09887960ad9cd8d4cf1087d0dc50a9',1,'b2:24bf0c55edddc262f81091fcbe695046','ok','',NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,NULL,'',NULL,1,1,'2026-01-01T00:00:00.000000Z');
INSERT INTO "responses" VALUES(2,'b2:f28f4671681b7ea31b57316da8c72bf8','subject','sim','sim/mid','','{"temperature":0.0}','b2:dd30b4a1d1798a69287aaf6129742c98',1,'b2:a80087a3655a1b93321ccb8681ecc2c5','ok','',NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,NULL,'',NULL,1,1,'2026-01-01T00:00:00.000000Z');
INSERT INTO "responses" VALUES(3,'b2:68f8d564bc3f0a8de5150cfdd81e686e','subject','sim','sim/mid','','{"temperature":0.0}','b2:081ec421941822e444f23d5a8885a42e',1,'b2:62d7928de5b06e5e6b1f23efe64816ac','ok','',NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,NULL,'',NULL,1,1,'2026-01-01T00:00:00.000000Z');
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
INSERT INTO "steps" VALUES(1,'preamble','c',0,'sim/mid','','preamble','looped','','a','','',NULL,NULL,0,'2026-01-01T00:00:00.000000Z');
INSERT INTO "steps" VALUES(2,'preamble','c',1,'sim/mid','','none','ok','','','','',NULL,NULL,0,'2026-01-01T00:00:00.000000Z');
CREATE TABLE texts (
    response_id INTEGER PRIMARY KEY REFERENCES responses (id),
    text NOT NULL,
    reasoning,
    loop TEXT,
    tool_calls TEXT
);
INSERT INTO "texts" VALUES(1,'plain',NULL,NULL,NULL);
INSERT INTO "texts" VALUES(2,X'68616C6620EDA080',NULL,NULL,NULL);
INSERT INTO "texts" VALUES(3,X'6E756C2000',NULL,NULL,NULL);
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
INSERT INTO "trials" VALUES(1,0,'mid','mid',NULL,'baseline','','','task-0','digest-0','general',NULL,1,'b2:abea12fa27e67644f9d0e185d015ee96',1);
INSERT INTO "trials" VALUES(1,1,'mid','mid',NULL,'baseline','','','task-1','digest-1','general',NULL,1,'b2:f28f4671681b7ea31b57316da8c72bf8',1);
INSERT INTO "trials" VALUES(1,2,'mid','mid',NULL,'baseline','','','task-2','digest-2','general',NULL,1,'b2:68f8d564bc3f0a8de5150cfdd81e686e',1);
INSERT INTO "trials" VALUES(1,3,'mid','mid',NULL,'baseline','','','task-3','digest-3','general',NULL,1,'b2:5de0783f73603acc6fb0a64f9bd05462',1);
CREATE INDEX failures_by_key ON failures (key);
CREATE INDEX ratings_by_response
    ON ratings (response_key, mark_key, scorer, judgement, dimension);
CREATE VIEW answers AS
SELECT e.name AS experiment, t.model, t.variant, t.task, t.repetition, r.status, r.reason,
    x.text, x.reasoning, m.body AS messages, r.key
FROM trials t
JOIN experiments e ON e.id = t.experiment_id
JOIN responses r ON r.key = t.response_key
JOIN texts x ON x.response_id = r.id
JOIN messages m ON m.digest = r.messages_digest;
CREATE UNIQUE INDEX evidence_by_answer ON evidence (output_hash, task_digest, mode);
CREATE UNIQUE INDEX steps_by_climb ON steps (ladder, climb, place)
;
COMMIT;
