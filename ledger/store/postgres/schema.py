"""Layer: ledger. The tables of the PostgreSQL store, what keeps its log as it is, and the functions that write it.

`events` is the log; `claims` and the lineage tables are indexes that follow from it. The triggers
stop mistakes, not a superuser. The row of `head` is locked by whoever appends and never changed: a
counter that is updated leaves a dead row a commit behind, and whoever appends while a long read
holds them back must pass them all; the last position is the last of the log's own index.
"""

from typing import Final

from domain.state.claims import SHARED_KINDS

SCHEMA_VERSION: Final = 4

_SHARED = ", ".join(f"'{kind}'" for kind in sorted(SHARED_KINDS))

_TABLES = """
CREATE SCHEMA merge_ledger;
CREATE TABLE merge_ledger.schema_version (version integer NOT NULL);
INSERT INTO merge_ledger.schema_version VALUES (1);
CREATE UNIQUE INDEX one_schema_version ON merge_ledger.schema_version ((true));
CREATE TABLE merge_ledger.head (one boolean PRIMARY KEY CHECK (one));
INSERT INTO merge_ledger.head VALUES (true);

-- Text is compared bytewise (COLLATE "C"). `state` is JSON, and alone of type varchar: it is read as bytes.
CREATE TABLE merge_ledger.events (
    position bigint PRIMARY KEY,
    stream text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    type text COLLATE "C" NOT NULL,
    state varchar COLLATE "C" NOT NULL,
    recorded_at timestamptz NOT NULL,
    UNIQUE (stream, version)
);
-- A release leaves its row behind, with the position: whoever read the claim before must find that it changed.
CREATE TABLE merge_ledger.claims (
    account text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    value text COLLATE "C" NOT NULL,
    object_type text COLLATE "C" NOT NULL,
    record_id text COLLATE "C" NOT NULL,
    held boolean NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (account, kind, value, object_type, record_id)
);
CREATE UNIQUE INDEX exclusive_claims ON merge_ledger.claims (account, kind, value)
    WHERE held AND kind NOT IN (SHARED_KINDS);
CREATE INDEX claims_by_holder ON merge_ledger.claims (account, object_type, record_id, kind);
CREATE TABLE merge_ledger.lineage_members (
    stream text COLLATE "C" PRIMARY KEY,
    lineage text COLLATE "C" NOT NULL,
    position bigint NOT NULL
);
CREATE INDEX lineage_members_by_lineage ON merge_ledger.lineage_members (lineage);
CREATE TABLE merge_ledger.lineages (
    lineage text COLLATE "C" PRIMARY KEY,
    current text COLLATE "C" NOT NULL,
    weight bigint NOT NULL,
    position bigint NOT NULL
);
"""

_TRIGGERS = """
CREATE FUNCTION merge_ledger.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'an event is never changed and never deleted' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER events_do_not_change BEFORE UPDATE OR DELETE OR TRUNCATE ON merge_ledger.events
    FOR EACH STATEMENT EXECUTE FUNCTION merge_ledger.refuse_change();
ALTER TABLE merge_ledger.events ENABLE ALWAYS TRIGGER events_do_not_change;
-- Where the server has it, lz4 halves what compressing costs.
DO $$
BEGIN
    ALTER TABLE merge_ledger.events ALTER COLUMN state SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN NULL;
END $$;
"""

# Every function looks names up in the server's own schema alone, whatever the caller's session says: a schema that
# somebody else made has no say in what a name means. Every name of ours is written with its schema.
PINNED: Final = "SET search_path = pg_catalog, pg_temp"

# Called by `append`, and by the owner, to index the log again.
_INDEX = """
CREATE OR REPLACE FUNCTION merge_ledger.index_append(
    first bigint, released_at bigint,
    claim_accounts text[], claim_kinds text[], claim_values text[], claim_types text[], claim_ids text[],
    claim_offsets bigint[], claims_held boolean[],
    member_streams text[], member_lineages text[], member_offsets bigint[],
    relabelled text[], relabelled_to text[],
    lineage_names text[], lineage_currents text[], lineage_weights bigint[], lineage_offsets bigint[]
) RETURNS void LANGUAGE plpgsql VOLATILE PINNED AS $$
BEGIN
    IF cardinality(claim_kinds) > 0 THEN
        INSERT INTO merge_ledger.claims AS c (account, kind, value, object_type, record_id, held, position)
        SELECT n.account, n.kind, n.value, n.object_type, n.record_id, n.held,
            CASE WHEN n.held THEN first + n.place ELSE released_at END
        FROM unnest(claim_accounts, claim_kinds, claim_values, claim_types, claim_ids, claim_offsets, claims_held)
            AS n (account, kind, value, object_type, record_id, place, held)
        ON CONFLICT (account, kind, value, object_type, record_id)
        DO UPDATE SET held = excluded.held, position = excluded.position;
    END IF;
    IF cardinality(relabelled) > 0 THEN
        UPDATE merge_ledger.lineage_members AS m SET lineage = n.kept
        FROM unnest(relabelled, relabelled_to) AS n (lineage, kept) WHERE m.lineage = n.lineage;
        DELETE FROM merge_ledger.lineages AS l USING unnest(relabelled) AS n (lineage) WHERE l.lineage = n.lineage;
    END IF;
    IF cardinality(member_streams) > 0 THEN
        INSERT INTO merge_ledger.lineage_members AS m (stream, lineage, position)
        SELECT n.stream, n.lineage, first + n.place
        FROM unnest(member_streams, member_lineages, member_offsets) AS n (stream, lineage, place)
        ON CONFLICT (stream) DO UPDATE SET lineage = excluded.lineage, position = excluded.position;
        INSERT INTO merge_ledger.lineages AS l (lineage, current, weight, position)
        SELECT n.lineage, n.current, n.weight, first + n.place
        FROM unnest(lineage_names, lineage_currents, lineage_weights, lineage_offsets)
            AS n (lineage, current, weight, place)
        ON CONFLICT (lineage) DO UPDATE
        SET current = excluded.current, weight = excluded.weight, position = excluded.position;
    END IF;
END $$;
"""

# A function, and not one statement: a statement's snapshot is older than the lock that it waits for. Of a
# function at READ COMMITTED every statement has its own.
# It runs with its owner's rights: whoever may call it can insert no row of the log in another way, and it alone
# gives positions and times. What the caller passes is held to what cannot be undone later: no version beside its
# stream's next one, no position in an index beyond the log.
_APPEND = """
CREATE OR REPLACE FUNCTION merge_ledger.APPEND(
    seen bigint, CLOCK_ARGUMENT
    read_streams text[], read_versions bigint[],
    read_accounts text[], read_kinds text[], read_values text[],
    read_lineages text[],
    held_accounts text[], held_types text[], held_ids text[], held_kinds text[],
    streams text[], versions bigint[], types text[], states varchar[],
    claim_accounts text[], claim_kinds text[], claim_values text[], claim_types text[], claim_ids text[],
    claim_offsets bigint[], claims_held boolean[],
    member_streams text[], member_lineages text[], member_offsets bigint[],
    relabelled text[], relabelled_to text[],
    lineage_names text[], lineage_currents text[], lineage_weights bigint[], lineage_offsets bigint[]
) RETURNS bigint LANGUAGE plpgsql VOLATILE RIGHTS PINNED AS $$
DECLARE
    last bigint := 0;
    last_at timestamptz;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'append needs READ COMMITTED: it must see what was committed while it waited';
    END IF;
    PERFORM FROM merge_ledger.head FOR UPDATE;
    SELECT e.position, e.recorded_at INTO last, last_at
    FROM merge_ledger.events AS e ORDER BY e.position DESC LIMIT 1;
    last := coalesce(last, 0);
    -- The clock may be set back; the log's goes on: see Unit.append.
    last_at := greatest(last_at + cardinality(streams) * interval '1 microsecond', THE_TIME);
    IF last <> seen AND (
        EXISTS (
            SELECT FROM unnest(read_streams, read_versions) AS r (stream, version)
            JOIN merge_ledger.events AS e ON e.stream = r.stream AND e.version = r.version + 1
        ) OR EXISTS (
            SELECT FROM unnest(read_accounts, read_kinds, read_values) AS r (account, kind, value)
            JOIN merge_ledger.claims AS c ON c.account = r.account AND c.kind = r.kind AND c.value = r.value
            WHERE c.position > seen
        ) OR EXISTS (
            SELECT FROM unnest(read_lineages) AS r (stream)
            JOIN merge_ledger.lineage_members AS m ON m.stream = r.stream
            JOIN merge_ledger.lineages AS l ON l.lineage = m.lineage
            WHERE l.position > seen
        ) OR EXISTS (
            SELECT FROM unnest(held_accounts, held_types, held_ids, held_kinds) AS r (account, object_type, id, kind)
            JOIN merge_ledger.claims AS c ON c.account = r.account AND c.object_type = r.object_type
                AND c.record_id = r.id AND c.kind = r.kind
            WHERE c.position > seen
        )
    ) THEN
        RAISE EXCEPTION 'what was read has changed' USING ERRCODE = 'serialization_failure';
    END IF;
    INSERT INTO merge_ledger.events (position, stream, version, type, state, recorded_at)
    SELECT last + n.nth, n.stream, n.version, n.type, n.state, last_at
    FROM unnest(streams, versions, types, states) WITH ORDINALITY AS n (stream, version, type, state, nth);
    IF EXISTS (
        SELECT FROM unnest(streams, versions) AS n (stream, version)
        WHERE n.version < 1 OR n.version > 1 AND NOT EXISTS (
            SELECT FROM merge_ledger.events AS e WHERE e.stream = n.stream AND e.version = n.version - 1
        )
    ) THEN
        RAISE EXCEPTION 'a version does not follow the last one of its stream' USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (
        SELECT FROM unnest(claim_offsets || member_offsets || lineage_offsets) AS n (place)
        WHERE n.place NOT BETWEEN 0 AND cardinality(streams) - 1
    ) THEN
        RAISE EXCEPTION 'an index names a position beyond what is appended' USING ERRCODE = 'check_violation';
    END IF;
    PERFORM merge_ledger.index_append(
        last + 1, last + 1,
        claim_accounts, claim_kinds, claim_values, claim_types, claim_ids, claim_offsets, claims_held,
        member_streams, member_lineages, member_offsets, relabelled, relabelled_to,
        lineage_names, lineage_currents, lineage_weights, lineage_offsets
    );
    PERFORM pg_notify('merge_ledger', '');
    RETURN last + 1;
END $$;
"""

# How far sources were read and topics written, and who does it.
_SINCE_2 = """
CREATE TABLE merge_ledger.bookmarks (
    name text COLLATE "C" PRIMARY KEY,
    at bigint NOT NULL,
    of text COLLATE "C" NOT NULL
);
CREATE TABLE merge_ledger.leases (
    name text COLLATE "C" PRIMARY KEY,
    holder text COLLATE "C" NOT NULL,
    ends_at timestamptz NOT NULL
);
"""

# States of long streams, which may be dropped at any time.
_SINCE_3 = """
CREATE TABLE merge_ledger.snapshots (
    stream text COLLATE "C" PRIMARY KEY,
    version bigint NOT NULL,
    fold bigint NOT NULL,
    state varchar COLLATE "C" NOT NULL
);
"""

# The lock of whoever works alone; the right to lock rows of `head` would be the right to change them.
_KEEP_OTHERS_OUT = """
CREATE OR REPLACE FUNCTION merge_ledger.keep_others_out() RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER PINNED AS $$
    SELECT FROM merge_ledger.head FOR UPDATE
$$;
"""

# A snapshot of a version that the stream does not have would keep the stream from going on.
_KEEP_SNAPSHOTS = """
CREATE OR REPLACE FUNCTION merge_ledger.keep_snapshots(fold bigint, streams text[], versions bigint[], states varchar[])
RETURNS void LANGUAGE sql VOLATILE SECURITY DEFINER PINNED AS $$
    INSERT INTO merge_ledger.snapshots AS s (stream, version, fold, state)
    SELECT n.stream, n.version, keep_snapshots.fold, n.state
    FROM unnest(streams, versions, states) AS n (stream, version, state)
    JOIN merge_ledger.events AS e ON e.stream = n.stream AND e.version = n.version
    ON CONFLICT (stream) DO UPDATE
    SET version = excluded.version, fold = excluded.fold, state = excluded.state
$$;
"""

# Nobody is let in but who is named (deploy/postgres/roles.sql): a new function is everybody's.
_NOBODY_ELSE = "REVOKE ALL ON ALL FUNCTIONS IN SCHEMA merge_ledger FROM PUBLIC;"


def _append(name: str, clock_argument: str, time: str, rights: str) -> str:
    named = _APPEND.replace("APPEND", name).replace("CLOCK_ARGUMENT", clock_argument)
    return named.replace("THE_TIME", time).replace("RIGHTS", rights)


# Those who may not change the log append by functions, which alone write it.
_SINCE_4 = (
    """
    DROP FUNCTION IF EXISTS merge_ledger.append;
    DROP FUNCTION IF EXISTS merge_ledger.index_append;
    ALTER FUNCTION merge_ledger.refuse_change() PINNED;
    """
    + _INDEX
    + _append("append", "", "clock_timestamp()", "SECURITY DEFINER")
    # With a clock of the caller's: the owner's, since a time in the far future would be everybody's from then on.
    + _append("append_at", "recorded_by timestamptz,", "recorded_by", "")
    + _KEEP_OTHERS_OUT
    + _KEEP_SNAPSHOTS
    + _NOBODY_ELSE
).replace("PINNED", PINNED)

# The statements that make a schema, by the version that they lead to: the first makes it from nothing.
STEPS: Final[dict[int, str]] = {
    1: _TABLES.replace("SHARED_KINDS", _SHARED) + _TRIGGERS,
    2: _SINCE_2,
    3: _SINCE_3,
    4: _SINCE_4,
}
