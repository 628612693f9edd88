-- Who may do what in a ledger's database: owner, appender, projector, reader.
--
-- Run it as a superuser in the ledger's database, after `merge-ledger db init`, and again after every
-- `merge-ledger db migrate`: it says the whole, whatever was said before.
--
--     psql --set ON_ERROR_STOP=1 --single-transaction --file roles.sql "$URL"
--
-- The roles can log in and have no password yet: give them one (`\password merge_ledger_appender`) or a
-- certificate. Which of them a command needs:
--
--     merge_ledger_owner      db migrate; making claims and lineages again from the log
--     merge_ledger_appender   apply, merge, workers: whatever sends commands
--     merge_ledger_projector  projections run and rebuild
--     merge_ledger_reader     whatever only reads, by the command line or by SQL
--
-- Appending is a function that runs with the rights of whoever calls it. To run it with its owner's would
-- protect nothing, for it appends what it is told to; and so what the appender may do stands here, and the
-- log's own rights are what counts: INSERT and SELECT. Nobody but a superuser and the owner can change or
-- delete an event, and the triggers stop these two until they are taken away.

DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['owner', 'appender', 'projector', 'reader'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'merge_ledger_' || role) THEN
            EXECUTE format('CREATE ROLE %I LOGIN', 'merge_ledger_' || role);
        END IF;
    END LOOP;
END $$;

-- What is there belongs to the owner, and what is projected to the projector, whoever made it.
DO $$
DECLARE
    one record;
BEGIN
    FOR one IN
        SELECT format('ALTER SCHEMA %I OWNER TO %I', n.nspname, h.heir) AS statement
        FROM pg_namespace AS n
        CROSS JOIN LATERAL (
            SELECT CASE n.nspname WHEN 'merge_ledger' THEN 'merge_ledger_owner' ELSE 'merge_ledger_projector' END
        ) AS h (heir)
        WHERE n.nspname ~ '^merge_ledger(_read(_[0-9]+)?)?$'
        UNION ALL
        SELECT format(
            'ALTER %s %I.%I OWNER TO %I', CASE c.relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END,
            n.nspname, c.relname, h.heir
        )
        FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
        CROSS JOIN LATERAL (
            SELECT CASE n.nspname WHEN 'merge_ledger' THEN 'merge_ledger_owner' ELSE 'merge_ledger_projector' END
        ) AS h (heir)
        WHERE n.nspname ~ '^merge_ledger(_read(_[0-9]+)?)?$' AND c.relkind IN ('r', 'v')
        UNION ALL
        SELECT format('ALTER FUNCTION %s OWNER TO merge_ledger_owner', p.oid::regprocedure)
        FROM pg_proc AS p WHERE p.pronamespace = 'merge_ledger'::regnamespace
    LOOP
        EXECUTE one.statement;
    END LOOP;
    EXECUTE format('GRANT CREATE ON DATABASE %I TO merge_ledger_projector', current_database());
END $$;

REVOKE ALL ON ALL TABLES IN SCHEMA merge_ledger FROM PUBLIC, merge_ledger_appender, merge_ledger_projector, merge_ledger_reader;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA merge_ledger FROM PUBLIC;

-- The reader: the log and what follows from it, and every generation of the projections.
GRANT USAGE ON SCHEMA merge_ledger TO merge_ledger_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA merge_ledger TO merge_ledger_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE merge_ledger_projector GRANT USAGE ON SCHEMAS TO merge_ledger_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE merge_ledger_projector GRANT SELECT ON TABLES TO merge_ledger_reader;
DO $$
DECLARE
    schema name;
BEGIN
    FOR schema IN SELECT nspname FROM pg_namespace WHERE nspname ~ '^merge_ledger_read(_[0-9]+)?$' LOOP
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO merge_ledger_reader', schema);
        EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO merge_ledger_reader', schema);
    END LOOP;
END $$;

-- The projector: reads as the reader does, and makes schemas of its own.
GRANT merge_ledger_reader TO merge_ledger_projector;

-- The appender: INSERT and SELECT on the log. UPDATE on `head` is the right to lock its one row.
GRANT merge_ledger_reader TO merge_ledger_appender;
GRANT INSERT ON merge_ledger.events TO merge_ledger_appender;
GRANT UPDATE ON merge_ledger.head TO merge_ledger_appender;
GRANT INSERT, UPDATE ON merge_ledger.claims, merge_ledger.lineage_members, merge_ledger.bookmarks, merge_ledger.snapshots
    TO merge_ledger_appender;
GRANT INSERT, UPDATE, DELETE ON merge_ledger.lineages, merge_ledger.leases TO merge_ledger_appender;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA merge_ledger TO merge_ledger_appender;
