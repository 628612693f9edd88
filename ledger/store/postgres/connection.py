"""Layer: ledger. Connections to PostgreSQL that end: every wait has a limit, whatever the network does.

A server that takes what is sent and never answers, a cable that is cut, a lock that is never let go:
each is an error within its timeout.
"""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg import conninfo, errors
from psycopg.abc import RV, PQGen
from psycopg_pool import ConnectionPool, PoolTimeout

from ledger.store.port import ConnectionLost, LockedDatabase
from ledger.store.postgres.arrays import adapters_of_columns
from ledger.store.postgres.errors import NoSuchDatabase, Unreachable, first_line, unusable

CONNECTIONS_MAX: Final = 10
_IDLE_S: Final = 60.0
_POOL_LOG: Final = "psycopg.pool"  # It warns of each failed attempt; we report the last one, once.
_NO_DATABASE: Final = re.compile(r'FATAL:  database ".*" does not exist')
_ADAPTERS: Final = adapters_of_columns()
_ANSWER_MARGIN_S: Final = 5  # What the server's own timeouts are given to answer in.
_MS: Final = 1_000
_COMMIT_TO_DISK: Final = """
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'
"""


@dataclass(frozen=True)
class Timeouts:
    """How long we wait: to connect, for a lock, for a statement, for a network that acknowledges nothing.

    `idle_ms` is how long a client may do nothing within a transaction: less than others wait for its locks.
    """

    connect_s: int = 10
    lock_ms: int = 30_000
    idle_ms: int = 15_000
    statement_ms: int = 120_000
    network_ms: int = 10_000
    answer_s: float = 120_000 / _MS + _ANSWER_MARGIN_S  # By our own clock.


class Connection(psycopg.Connection[tuple[Any, ...]]):
    """A connection whose every answer comes within a time, or is an error."""

    answer_s: float = Timeouts.answer_s

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        """Wait for the server, and let go of it when it is silent for too long."""
        try:
            return super().wait(gen, interval, self.answer_s if timeout is None else timeout)
        except errors._WaitTimeout as error:  # noqa: SLF001  what the library raises
            if timeout is not None:
                raise
            self.pgconn.finish()
            msg = f"no answer within {self.answer_s:g} s"
            raise psycopg.OperationalError(msg) from error


class Server:
    """Where a database is, and how it is talked to."""

    def __init__(self, url: str, timeouts: Timeouts, *, read_only: bool = False) -> None:
        """Read a URL. Raises StoreUnusable where it is none."""
        self.timeouts = timeouts
        try:
            given = conninfo.conninfo_to_dict(url)
        except psycopg.ProgrammingError:  # It may quote the URL, and with it the password.
            raise Unreachable("the PostgreSQL URL given", "it cannot be read as one") from None
        self.location = _without_secrets(given)
        settings = {
            # Names are written with their schema; what others made in `public`, or under our role's name, is ignored.
            "search_path": "pg_catalog,pg_temp",
            "TimeZone": "UTC",
            "default_transaction_isolation": "read\\ committed",
            "default_transaction_read_only": "on" if read_only else "off",
            "lock_timeout": timeouts.lock_ms,
            "statement_timeout": timeouts.statement_ms,
            # The server ends a dead or suspended client's transaction before waiting clients time out.
            "idle_in_transaction_session_timeout": timeouts.idle_ms,
            "tcp_user_timeout": timeouts.network_ms,
            "tcp_keepalives_idle": max(1, timeouts.network_ms // 2 // _MS),
            "tcp_keepalives_interval": 2,
            "tcp_keepalives_count": 3,
            # Each thing asked for is one look-up in an index, however many there are, and however small the table
            # was when the statement was planned: one planned on an empty table would go through all of it later.
            "plan_cache_mode": "force_generic_plan",
            "enable_seqscan": "off",
            "enable_hashjoin": "off",
            "enable_mergejoin": "off",
            "max_parallel_workers_per_gather": 0,
            "jit": "off",
            "client_min_messages": "warning",
        }
        options = " ".join(f"-c {name}={value}" for name, value in settings.items())
        self.arguments: dict[str, Any] = {
            "application_name": "merge-ledger",
            "connect_timeout": timeouts.connect_s,
            "tcp_user_timeout": timeouts.network_ms,
            "keepalives_idle": max(1, timeouts.network_ms // 2 // _MS),
            "keepalives_interval": 2,
            "keepalives_count": 3,
            **given,
            "client_encoding": "UTF8",
            "options": f"{given.get('options') or ''} {options}".strip(),
            "autocommit": True,
            "context": _ADAPTERS,
        }

    def connect(self) -> Connection:
        """Connect. Raises StoreUnusable."""
        try:
            connection = Connection.connect(**self.arguments)
            try:
                self.configure(connection)
            except BaseException:
                connection.close()
                raise
        except psycopg.Error as error:
            raise self._refused(error) from error
        return connection

    def _refused(self, error: psycopg.Error) -> Exception:
        """Say why there is no connection; such errors have no code, only what the server said."""
        told = self.told(error)
        if type(told) is not ConnectionLost:
            return told
        said = first_line(error).removeprefix("connection failed: ")
        return NoSuchDatabase(self.location) if _NO_DATABASE.search(said) else Unreachable(self.location, said)

    def configure(self, connection: Connection) -> None:
        """Make sure that a commit is on the disk when it returns, whatever the server's default."""
        connection.answer_s = self.timeouts.answer_s
        connection.execute(_COMMIT_TO_DISK)

    def told(self, error: psycopg.Error) -> Exception:
        """Say an error in our own words."""
        return unusable(error, self.location)


class Connections:
    """Connections to one server, used again."""

    def __init__(self, server: Server, connections_max: int = CONNECTIONS_MAX) -> None:
        """Begin without any."""
        logging.getLogger(_POOL_LOG).setLevel(logging.CRITICAL)
        self._server = server
        self._pool: ConnectionPool[Connection] = ConnectionPool(
            kwargs=server.arguments,
            connection_class=Connection,
            configure=server.configure,
            min_size=0,
            max_size=connections_max,
            max_idle=_IDLE_S,
            timeout=server.timeouts.connect_s,
            reconnect_timeout=server.timeouts.connect_s,
            num_workers=1,
            open=True,
        )

    @contextmanager
    def one(self) -> Iterator[Connection]:
        """Take a connection that is in no transaction, and leave none behind. Raises StoreUnusable."""
        with self.telling():
            connection = self._taken()
            try:
                yield connection
            finally:
                with suppress(psycopg.Error):
                    connection.rollback()
                self._pool.putconn(connection)
                if connection.closed:  # The others are likely to be gone with it.
                    self._pool.check()

    def _taken(self) -> Connection:
        try:
            return self._pool.getconn()
        except PoolTimeout:
            self._server.connect().close()  # Says why there is none, if that is why.
            raise LockedDatabase(self._server.location) from None

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Say in our own words what PostgreSQL says about a database that cannot be used."""
        try:
            yield
        except psycopg.Error as error:
            raise self._server.told(error) from error

    def close(self) -> None:
        """Let go of all of them."""
        self._pool.close()


def _without_secrets(given: dict[str, Any]) -> str:
    user = f"{given['user']}@" if given.get("user") else ""
    port = f":{given['port']}" if given.get("port") else ""
    host = given.get("host") or ""
    is_folder = host.startswith("/")  # Of a socket.
    name = f"postgresql://{user}{'' if is_folder else host + port}/{given.get('dbname') or ''}"
    return f"{name}?host={host}" if is_folder else name
