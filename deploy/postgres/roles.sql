-- Who may do what in a ledger's database: owner, appender, projector, publisher, reader.
--
-- Run it as a superuser in the ledger's database, after `merge-ledger db init`, and again after every
-- `merge-ledger db migrate`: it says the whole, whatever was said before.
--
--     psql --no-psqlrc --set ON_ERROR_STOP=1 --single-transaction --file roles.sql "$URL"
--
-- The roles can log in and have no password yet: give them one (`\password merge_ledger_appender`) or a
-- certificate. Which of them a command needs:
--
--     merge_ledger_owner      db migrate; making claims and lineages again from the log
--     merge_ledger_appender   apply, merge, worker consume: whatever sends commands
--     merge_ledger_projector  projections run and rebuild, worker project
--     merge_ledger_publisher  worker publish
--     merge_ledger_reader     whatever only reads, by the command line or by SQL
--
-- The log is written by functions that run with the owner's rights, and by nothing else: they give positions
-- and times, so that none is out of order or beyond what can be read. Nobody but a superuser and the owner can
-- change or delete an event, and the triggers stop these two until they are taken away.
--
-- Nobody but the owner may create anything: neither a schema, nor in one of ours, nor a temporary table. So
-- nobody can put a function, a view or a trigger where others run it with their rights.

-- Names mean what the server means by them, whatever schemas there are.
SET search_path = pg_catalog, pg_temp;

DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['owner', 'appender', 'projector', 'publisher', 'reader'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'merge_ledger_' || role) THEN
            EXECUTE format('CREATE ROLE %I LOGIN', 'merge_ledger_' || role);
        END IF;
    END LOOP;
END $$;

-- What is there belongs to the owner, whoever made it.
DO $$
DECLARE
    one record;
BEGIN
    FOR one IN
        SELECT format('ALTER SCHEMA %I OWNER TO merge_ledger_owner', n.nspname) AS statement
        FROM pg_namespace AS n WHERE n.nspname ~ '^merge_ledger(_read(_[0-9]+)?)?$'
        UNION ALL
        SELECT format(
            'ALTER %s %I.%I OWNER TO merge_ledger_owner', CASE c.relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END,
            n.nspname, c.relname
        )
        FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE n.nspname ~ '^merge_ledger(_read(_[0-9]+)?)?$' AND c.relkind IN ('r', 'v')
        UNION ALL
        SELECT format('ALTER FUNCTION %s OWNER TO merge_ledger_owner', p.oid::regprocedure)
        FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
        WHERE n.nspname IN ('merge_ledger', 'merge_ledger_read')
    LOOP
        EXECUTE one.statement;
    END LOOP;
END $$;

-- Nobody else creates anything in this database.
DO $$
DECLARE
    others CONSTANT text :=
        'PUBLIC, merge_ledger_appender, merge_ledger_projector, merge_ledger_publisher, merge_ledger_reader';
    one record;
BEGIN
    EXECUTE format('GRANT CREATE ON DATABASE %I TO merge_ledger_owner', current_database());
    EXECUTE format('REVOKE CREATE, TEMPORARY ON DATABASE %I FROM %s', current_database(), others);
    FOR one IN SELECT nspname FROM pg_namespace WHERE nspname ~ '^(public|merge_ledger(_read(_[0-9]+)?)?)$' LOOP
        EXECUTE format('REVOKE CREATE ON SCHEMA %I FROM %s', one.nspname, others);
    END LOOP;
    FOR one IN SELECT nspname FROM pg_namespace WHERE nspname IN ('merge_ledger', 'merge_ledger_read') LOOP
        EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA %I FROM %s', one.nspname, others);
        EXECUTE format('REVOKE ALL ON ALL FUNCTIONS IN SCHEMA %I FROM %s', one.nspname, others);
    END LOOP;
END $$;
ALTER DEFAULT PRIVILEGES FOR ROLE merge_ledger_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

-- The reader: the log and what follows from it, and every generation of the projections.
GRANT USAGE ON SCHEMA merge_ledger, merge_ledger_read TO merge_ledger_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA merge_ledger, merge_ledger_read TO merge_ledger_reader;

-- The appender: reads as the reader does, appends by the functions, and moves the bookmarks of sources.
GRANT merge_ledger_reader TO merge_ledger_appender;
GRANT EXECUTE ON FUNCTION merge_ledger.append, merge_ledger.keep_others_out, merge_ledger.keep_snapshots
    TO merge_ledger_appender;
GRANT INSERT, UPDATE ON merge_ledger.bookmarks TO merge_ledger_appender;

-- The publisher: reads as the reader does, holds the lease and moves its own bookmark.
GRANT merge_ledger_reader TO merge_ledger_publisher;
GRANT INSERT, UPDATE, DELETE ON merge_ledger.leases TO merge_ledger_publisher;
GRANT INSERT, UPDATE ON merge_ledger.bookmarks TO merge_ledger_publisher;

ALTER TABLE merge_ledger.bookmarks ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS all_are_read ON merge_ledger.bookmarks;
DROP POLICY IF EXISTS sources ON merge_ledger.bookmarks;
DROP POLICY IF EXISTS publishing ON merge_ledger.bookmarks;
CREATE POLICY all_are_read ON merge_ledger.bookmarks FOR SELECT USING (true);
CREATE POLICY sources ON merge_ledger.bookmarks TO merge_ledger_appender USING (name <> 'publish');
CREATE POLICY publishing ON merge_ledger.bookmarks TO merge_ledger_publisher USING (name = 'publish');

-- The projector: reads as the reader does, has tables made and dropped by the functions, and writes their rows.
-- The rights on `generations` are those that a new generation's tables get.
GRANT merge_ledger_reader TO merge_ledger_projector;
GRANT UPDATE ON merge_ledger_read.generations TO merge_ledger_projector;
GRANT EXECUTE ON FUNCTION merge_ledger_read.begin_generation, merge_ledger_read.show_live, merge_ledger_read.drop_old
    TO merge_ledger_projector;
DO $$
DECLARE
    schema name;
BEGIN
    FOR schema IN SELECT nspname FROM pg_namespace WHERE nspname ~ '^merge_ledger_read_[0-9]+$' LOOP
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO merge_ledger_reader, merge_ledger_projector', schema);
        EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO merge_ledger_reader', schema);
        EXECUTE format(
            'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %I TO merge_ledger_projector', schema
        );
    END LOOP;
END $$;
