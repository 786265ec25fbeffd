-- The machinery: outbox, idempotency, batches, populations, the road of deals, closed months.

CREATE TABLE ops.outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic text NOT NULL,                       -- 'mail', 'metrics', ...
    payload jsonb NOT NULL,
    dedupe_key text UNIQUE,                    -- an event recorded twice is sent once
    created_at timestamptz NOT NULL DEFAULT now(),
    available_at timestamptz NOT NULL DEFAULT now(),
    attempts int NOT NULL DEFAULT 0,
    leased_until timestamptz,
    done_at timestamptz,
    dead_at timestamptz,                       -- gave up after the last retry
    last_error text
);
CREATE INDEX outbox_waiting ON ops.outbox (available_at, id) WHERE done_at IS NULL AND dead_at IS NULL;

CREATE TABLE ops.idempotency (
    actor text NOT NULL,                       -- 'member:<id>', 'owner:<link>' or 'anonymous:<address>'
    key text NOT NULL CHECK (length(key) BETWEEN 1 AND 200),
    request_hash bytea NOT NULL,
    status smallint,
    headers jsonb,
    body bytea,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (actor, key)
);

CREATE TABLE ops.batch (
    number int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    closed_at timestamptz NOT NULL DEFAULT now(),
    published int NOT NULL DEFAULT 0
);

CREATE TABLE ops.population (
    version text PRIMARY KEY,
    demo boolean NOT NULL,
    imported boolean NOT NULL,
    companies int NOT NULL CHECK (companies > 0),
    provenance jsonb NOT NULL,
    added_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE ops.deal_transition (             -- mirror of deals/lifecycle.py, compared by a test
    from_stage text NOT NULL,
    action text NOT NULL,
    to_stage text NOT NULL,
    PRIMARY KEY (from_stage, action, to_stage)
);

CREATE TABLE ops.metric_table (                -- only what may be read: what is hidden is not stored at all
    cube text NOT NULL,
    sheet text NOT NULL,
    month date NOT NULL CHECK (extract(day FROM month) = 1),
    measure text NOT NULL,
    withheld boolean NOT NULL,                 -- nothing but, at most, the grand total is shown
    shown jsonb NOT NULL,                      -- {"JP-13|E": 12, "JP-13|*": 40}; a key that is absent is hidden
    PRIMARY KEY (cube, sheet, month, measure)
);

CREATE TABLE ops.lease (                       -- one worker at a time does the calendar's work
    name text PRIMARY KEY,
    holder text NOT NULL,
    until timestamptz NOT NULL
);

GRANT INSERT ON ops.outbox TO succession_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ops.outbox, ops.lease TO succession_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON ops.idempotency TO succession_app;
GRANT SELECT, DELETE ON ops.idempotency TO succession_worker;
GRANT SELECT ON ops.batch, ops.population, ops.deal_transition, ops.metric_table TO succession_app, succession_worker;
GRANT INSERT, UPDATE ON ops.batch TO succession_worker;
GRANT INSERT ON ops.metric_table TO succession_worker;
GRANT SELECT, INSERT, UPDATE ON ops.batch, ops.population TO succession_seeder;

-- Payloads hold links and answers hold clients' data: both are rows of somebody.
ALTER TABLE ops.outbox ENABLE ROW LEVEL SECURITY;
ALTER TABLE ops.outbox FORCE ROW LEVEL SECURITY;
CREATE POLICY record ON ops.outbox FOR INSERT TO succession_app WITH CHECK (true);
CREATE POLICY deliver ON ops.outbox TO succession_worker USING (true) WITH CHECK (true);

ALTER TABLE ops.idempotency ENABLE ROW LEVEL SECURITY;
ALTER TABLE ops.idempotency FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON ops.idempotency TO succession_app
    USING (actor = current_setting('succession.actor', true))
    WITH CHECK (actor = current_setting('succession.actor', true));
CREATE POLICY expire ON ops.idempotency TO succession_worker USING (created_at < now() - interval '24 hours');
