"""Layer: tests. Given commands or facts, when a command, then facts or a refusal.

    given(create(ANN, city="Gent"), create(ANNE)).when(merge(ANN, ANNE)).then_decided("city", "Gent", rule="H08")

Runs the real `needs` and `decide`. Every command is decided on a view that holds only what `needs`
asked for, so that looking at more raises `NotLoaded`; whatever was not given is absent. What holds
for every command (one outcome, at the end; an address leads to one record; a record merged away
stays so; personal values stand apart; facts survive their bytes) is checked on each.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, NamedTuple, Self, TypeAlias, TypeVar

import msgspec

from domain.decide import decide, needs, preview
from domain.decisions.hierarchy import LEVELS_MAX
from domain.language import commands as c
from domain.language import events as e
from domain.language import streams
from domain.language.commands import DEFAULT_ACCOUNT, AnyCommand, Envelope
from domain.language.ids import RecordId, RecordRef
from domain.language.outcomes import Outcome, outcome_of, repeated_outcome
from domain.language.refusals import Refusal
from domain.language.values import Dressed, Plain, Value
from domain.merge.merging import Preview
from domain.state.account import Account
from domain.state.claims import ClaimKey
from domain.state.folds import Recorded, claims_changed, evolve
from domain.state.needs import HeldBy, Lineage, Need
from domain.state.record import Record, kept_value
from domain.state.view import View

START: Final = datetime(2026, 1, 1, 12, tzinfo=UTC)  # When the first command of a test is executed.
STEP: Final = timedelta(minutes=1)
ROUNDS_MAX: Final = 6
WALK_ROUNDS_MAX: Final = ROUNDS_MAX + 2 * LEVELS_MAX  # A level is a round, or two where a parent was merged away.

Given: TypeAlias = AnyCommand | Envelope | Recorded
BEGINNINGS: Final = (e.RecordCreated, e.RecordsMerged)
OUTCOMES: Final = (e.CommandApplied, e.CommandRefused, e.CommandIdReused)
E = TypeVar("E", bound=e.Event)


class InMemoryLedger:
    """Every event that was given or decided, and what a decision may ask about them."""

    def __init__(self, *, now: datetime = START, step: timedelta = STEP) -> None:
        """Begin with nothing; the first command is executed now, each one a step after the one before."""
        self.log: list[Recorded] = []
        self.states: dict[str, Any] = {}
        self.now = now
        self._step = step
        self._versions: dict[str, int] = {}
        self._claims: dict[ClaimKey, tuple[RecordRef, ...]] = {}
        self._merged_into: dict[str, str] = {}
        self._members: dict[str, list[tuple[int, str]]] = {}

    # -- executing

    def execute(self, *batch: AnyCommand | Envelope) -> list[Outcome]:
        """Decide commands in order on one view, then append all of their events, as a ledger does."""
        view = View()
        decided: list[tuple[Envelope, list[Recorded]]] = []
        enveloped = [one if isinstance(one, Envelope) else Envelope(one) for one in batch]
        for envelope in enveloped:
            self.load(envelope, view)
        for envelope in enveloped:
            self.load(envelope, view)
            recorded = decide(envelope, view, self.now)
            while self._load_streams_of(recorded, view):  # An id that was made is taken already.
                recorded = decide(envelope, view, self.now)
            self.now += self._step
            for stream, event in recorded:
                view.apply(stream, event)
            decided.append((envelope, recorded))
        outcomes = []
        for envelope, recorded in decided:
            self.append(recorded)
            outcomes.append(self._outcome(envelope.command, recorded))
        return outcomes

    def preview(self, command: c.MergeRecords) -> Preview:
        """Decide a merge without making it. Raises the Refusal that the merge would get."""
        view = View()
        self.load(Envelope(command), view)
        return preview(command, view, self.now)

    def load(self, envelope: Envelope, view: View) -> None:
        """Give the view what deciding this command needs, in rounds, until nothing is missing."""
        rounds_max = WALK_ROUNDS_MAX if isinstance(envelope.command, c.Associate) else ROUNDS_MAX
        for _ in range(rounds_max):
            unmet = {missing for need in needs(envelope, view) for missing in view.unmet(need)}
            if not unmet:
                return
            for need in unmet:
                self._fill(view, need)
        msg = f"{type(envelope.command).__name__} was not loaded in {rounds_max} rounds"
        raise AssertionError(msg)

    def _load_streams_of(self, recorded: Sequence[Recorded], view: View) -> bool:
        """Load the streams that are about to be written unseen; whether one of them exists."""
        unseen = [stream for stream, _ in recorded if not view.has(stream)]
        begun = {stream for stream, event in recorded if isinstance(event, BEGINNINGS)}
        assert begun.issuperset(unseen), f"writes to what needs did not ask for: {unseen}"
        for stream in unseen:
            self._fill(view, stream)
        return any(stream in self.states for stream in unseen)

    def append(self, recorded: Sequence[Recorded]) -> None:
        """Take facts in, and check what is true of all of them."""
        for stream, event in recorded:
            before = self.states.get(stream)
            assert not (isinstance(before, Record) and before.status == "merged_away"), f"{stream} was merged away"
            assert before is None or not isinstance(event, BEGINNINGS), f"{stream} began before"
            assert msgspec.json.decode(msgspec.json.encode(event), type=type(event)) == event
            self.log.append((stream, event))
            self.states[stream] = evolve(stream, before, event)
            self._versions[stream] = self._versions.get(stream, 0) + 1
            if isinstance(event, e.RecordsMerged):
                self._merge_lineages(stream, event)
        touched: set[ClaimKey] = set()
        for stream, event in recorded:
            for change in claims_changed(stream, event):
                holders = tuple(one for one in self._claims.get(change.key, ()) if one != change.holder)
                self._claims[change.key] = (*holders, change.holder) if change.held else holders
                touched.add(change.key)
        for key in touched:
            assert key.is_shared or len(self.holders(key.kind, key.value, key.account)) <= 1, f"{key} leads to two"

    def _merge_lineages(self, stream: str, event: e.RecordsMerged) -> None:
        prefix = stream.rsplit("/", 1)[0]
        here = len(self.log)
        folded: list[tuple[int, str]] = []
        for nth, side in enumerate((event.primary_id, event.secondary_id)):
            of_side = f"{prefix}/{side}"
            assert of_side not in self._merged_into, f"{of_side} was merged away before"
            self._merged_into[of_side] = stream
            folded += [*self._members.get(of_side, []), (here + nth, side)]
        self._members[stream] = sorted(folded, key=lambda member: member[0])

    def _outcome(self, command: AnyCommand, recorded: Sequence[Recorded]) -> Outcome:
        stream = streams.command(command.account, command.command_id)
        if recorded:
            last_stream, last = recorded[-1]
            assert last_stream == stream, "the outcome comes last, on the command's own stream"
            assert isinstance(last, OUTCOMES)
            assert not any(isinstance(event, OUTCOMES) for _, event in recorded[:-1]), "a command has one outcome"
            assert all(streams.parse(each).account == command.account for each, _ in recorded)
            assert all(event.command_id == command.command_id for _, event in recorded)
            if isinstance(last, e.CommandApplied):
                assert last.events == len(recorded) - 1
            else:
                assert len(recorded) == 1, "a refused command changes nothing"
            self._check_personal_values_stand_apart(command, recorded)
            return outcome_of(last, len(self.log), command.command_id)
        spent = self.states[stream]
        answer = outcome_of(spent.answer, self._position_of(spent.answer), command.command_id)
        if c.fingerprint(command) != spent.answer.fingerprint:
            reuse = e.CommandIdReused(
                command_id=command.command_id, occurred_at=self.now, command_type="", fingerprint=""
            )
            return msgspec.structs.replace(outcome_of(reuse, 0, command.command_id), repeated=True)
        return repeated_outcome(answer, spent.answer.occurred_at)

    def _position_of(self, event: e.Event) -> int:
        return next(number for number, (_, one) in enumerate(self.log, start=1) if one is event)

    def _check_personal_values_stand_apart(self, command: AnyCommand, recorded: Sequence[Recorded]) -> None:
        for text in personal_texts(command):
            for stream, event in recorded:
                plain = msgspec.json.encode(msgspec.structs.replace(event, values={})).decode()
                assert text not in plain, f"{type(event).__name__} tells {text!r} outside its values"
                assert text not in stream

    # -- reading

    def _fill(self, view: View, need: Need) -> None:
        if isinstance(need, str):
            view.put(need, self.states.get(need), self._versions.get(need, 0))
        elif isinstance(need, ClaimKey):
            view.put_claim(need, self._claims.get(need, ()))
        elif isinstance(need, Lineage):
            current = self.current_stream(need.stream)
            view.put_lineage(need.stream, current, self._member_ids(current) if need.members else None)
        elif isinstance(need, HeldBy):
            view.put_held(need, self._held(need))

    def _held(self, need: HeldBy) -> dict[str, tuple[RecordRef, ...]]:
        account = streams.parse(need.stream).account
        held: dict[str, tuple[RecordRef, ...]] = {}
        for key, claimants in self._claims.items():
            mine = tuple(one for one in claimants if self.current_stream(streams.record(account, *one)) == need.stream)
            if mine and key.account == account and key.kind == need.kind:
                held[key.value] = mine
        return held

    def _member_ids(self, stream: str) -> tuple[RecordId, ...]:
        return tuple(member for _, member in self._members.get(stream, ()))

    def current_stream(self, stream: str) -> str:
        """Follow a record's stream, merge by merge, to what it is today."""
        while (into := self._merged_into.get(stream)) is not None:
            stream = into
        return stream

    def resolve(self, record: RecordRef, account: str = DEFAULT_ACCOUNT) -> RecordRef:
        """Name the record that this one is today."""
        return streams.record_ref(self.current_stream(streams.record(account, *record)))

    def merged_ids(self, record: RecordRef, account: str = DEFAULT_ACCOUNT) -> tuple[RecordId, ...]:
        """List every id folded into a record, earliest merge first."""
        return self._member_ids(streams.record(account, *record))

    def holders(self, kind: str, value: str, account: str = DEFAULT_ACCOUNT) -> set[RecordRef]:
        """List the records that an identifier leads to today."""
        return {self.resolve(one, account) for one in self._claims.get(ClaimKey(account, kind, value), ())}

    def record(self, record: RecordRef, account: str = DEFAULT_ACCOUNT) -> Record:
        """Look up a record's state, merged away or not."""
        found = self.states.get(streams.record(account, *record))
        assert isinstance(found, Record), f"there is no {record}"
        return found

    def claims(self) -> dict[ClaimKey, tuple[RecordRef, ...]]:
        """List every claim that somebody has."""
        return {key: claimants for key, claimants in self._claims.items() if claimants}


class Decision(NamedTuple):
    """One property of a merge, as a reader sees it."""

    value: Plain
    side: e.Side
    rule: str
    rule_name: str
    chosen: bool
    primary: Value | None
    secondary: Value | None

    @property
    def losing(self) -> Plain:
        """The value of the side that was not kept."""
        loser = {"primary": self.secondary, "secondary": self.primary}.get(self.side)
        return None if loser is None else loser.v


class Merged(NamedTuple):
    """A merge and its event, with each decision expanded to its values."""

    record: RecordRef
    event: e.RecordsMerged

    def decisions(self) -> dict[str, Decision]:
        """Expand every decision; there is one a property."""
        assert len({one.property for one in self.event.decisions}) == len(self.event.decisions)
        return {one.property: self._expand(one) for one in self.event.decisions}

    def _expand(self, one: e.Decided) -> Decision:
        kept, _ = kept_value(one, self.event.values, self.record.record_id)

        def side(source: RecordId | None) -> Value | None:
            found = self.event.values.get(source, {}).get(one.property) if source is not None else None
            return found if isinstance(found, Value) else None

        return Decision(
            None if kept is None else kept.v,
            one.side,
            one.rule,
            one.rule_name,
            one.chosen,
            side(one.primary),
            side(one.secondary),
        )


class Then:
    """What came of a command, and every look at the world after it."""

    def __init__(self, world: InMemoryLedger, command: AnyCommand, outcome: Outcome, recorded: list[Recorded]) -> None:
        """Keep the world as it is after the command."""
        self.world = world
        self.command = command
        self.outcome = outcome
        self.recorded = recorded

    # -- what came of it

    def then_applied(self, *told: type[e.Event]) -> Self:
        """Check that it was applied, and told facts of these types, in this order, among others."""
        assert self.outcome.status == "applied", f"{self.outcome.code}: {self.outcome.message}"
        types = iter([type(event) for _, event in self.recorded])
        assert all(wanted in types for wanted in told), f"told {[type(event).__name__ for _, event in self.recorded]}"
        return self

    def then_refused(self, code: str | type[Refusal], *, match: str = "", **details: object) -> Self:
        """Check the code, the message by a pattern, the details named, and that no personal value is told."""
        wanted = code if isinstance(code, str) else code.code
        assert self.outcome.status == "refused", f"applied, not refused with {wanted}"
        assert self.outcome.code == wanted, f"{self.outcome.code}: {self.outcome.message}"
        assert self.outcome.message is not None
        assert re.search(match, self.outcome.message), self.outcome.message
        said = {name: self.outcome.details.get(name) for name in details}
        assert said == details, f"{self.outcome.details}"
        answer = self.outcome.message + msgspec.json.encode(self.outcome.details).decode()
        for text in personal_texts(self.command):
            assert text not in answer, f"the refusal tells {text!r}"
        return self

    def then_warned(self, *codes: str, match: str = "", **details: object) -> Self:
        """Check the codes of the warnings, in order, and of the only or first one what it says and its details."""
        self.then_applied()
        assert tuple(one.code for one in self.outcome.warnings) == codes
        for one in self.outcome.warnings[:1]:
            assert re.search(match, one.message), one.message
            assert {name: one.details.get(name) for name in details} == details
        return self

    def then_nothing(self) -> Self:
        """Check that it was applied and told nothing but its outcome."""
        self.then_applied()
        assert len(self.recorded) == 1, f"told {[type(event).__name__ for _, event in self.recorded[:-1]]}"
        return self

    def then_decided(  # noqa: PLR0913  what a decision has
        self,
        name: str,
        value: Plain,
        *,
        side: e.Side | None = None,
        rule: str | None = None,
        chosen: bool | None = None,
        losing: Plain | Literal["any"] = "any",
    ) -> Self:
        """Check how a merge decided one property, and that the merged record has the value."""
        decided = self.decision(name)
        wanted = Decision(
            value,
            decided.side if side is None else side,
            decided.rule if rule is None else rule,
            decided.rule_name,
            decided.chosen if chosen is None else chosen,
            decided.primary,
            decided.secondary,
        )
        assert decided == wanted
        assert type(decided.value) is type(value)
        assert losing in ("any", decided.losing)
        assert self.value(name) == value
        return self

    def then_undecided(self, *names: str) -> Self:
        """Check that a merge decided nothing about these properties, and that the merged record has none of them."""
        decided = self.merged.decisions()
        assert not [name for name in names if name in decided]
        assert not [name for name in names if self.value(name) is not None]
        return self

    # -- the world after it

    def told(self, kind: type[E]) -> list[E]:
        """List the facts of one type that the command told."""
        return [event for _, event in self.recorded if isinstance(event, kind)]

    def told_of(self, kind: type[E]) -> dict[RecordRef, E]:
        """List the facts of one type that the command told, by the record they are about."""
        return {streams.record_ref(stream): event for stream, event in self.recorded if isinstance(event, kind)}

    def told_records(self) -> set[RecordRef]:
        """List the records whose own streams the command wrote to."""
        names = {stream for stream, _ in self.recorded}
        return {streams.record_ref(stream) for stream in names if streams.parse(stream).kind == streams.RECORDS}

    @property
    def merged(self) -> Merged:
        """The merge that the command made."""
        self.then_applied()
        ((record, event),) = self.told_of(e.RecordsMerged).items()
        return Merged(record, event)

    @property
    def made(self) -> RecordRef:
        """The record that the command made."""
        self.then_applied()
        (record,) = {**self.told_of(e.RecordsMerged), **self.told_of(e.RecordCreated)}
        return record

    def decision(self, name: str) -> Decision:
        """Look up how a merge decided one property."""
        return self.merged.decisions()[name]

    def record(self, record: RecordRef) -> Record:
        """Look up a record's state under its own id, merged away or not."""
        return self.world.record(record)

    def value(self, name: str, of: RecordRef | None = None) -> Plain:
        """Look up a property of a record, by default of the one the command made; None where it is empty."""
        found = self.record(self.made if of is None else of).value(name)
        return None if found is None else found.v

    def find(self, kind: str, value: str) -> RecordRef | None:
        """Find the record that an identifier leads to."""
        found = self.world.holders(kind, value)
        assert len(found) <= 1
        return next(iter(found), None)

    @property
    def account(self) -> Account:
        """The account's settings."""
        found = self.world.states.get(streams.settings(DEFAULT_ACCOUNT))
        return found if isinstance(found, Account) else Account()

    def when(self, command: AnyCommand | Envelope) -> "Then":
        """Go on with another command, after one that was applied."""
        self.then_applied()
        return Specification(self.world).when(command)


class Specification:
    """A world as given."""

    def __init__(self, world: InMemoryLedger) -> None:
        """Begin from this world."""
        self.world = world

    def given(self, *more: Given) -> Self:
        """Give more: commands, which must be applied, or facts."""
        for one in more:
            if isinstance(one, tuple):
                self.world.append([one])
                continue
            (outcome,) = self.world.execute(one)
            assert outcome.status == "applied", f"given, but {outcome.code}: {outcome.message}"
        return self

    def when(self, command: AnyCommand | Envelope) -> Then:
        """Decide a command. A preview of a merge must tell the same."""
        before = len(self.world.log)
        plain = command.command if isinstance(command, Envelope) else command
        foreseen = self._foresee(plain)
        (outcome,) = self.world.execute(command)
        then = Then(self.world, plain, outcome, self.world.log[before:])
        if isinstance(foreseen, Preview):
            assert then.merged == Merged(foreseen.result, foreseen.merged), "the merge is not what its preview told"
            assert outcome.warnings == foreseen.warnings, "the merge warns of something else than its preview"
        elif foreseen is not None:
            assert (outcome.code, outcome.message, outcome.details) == (
                foreseen.code,
                foreseen.message,
                foreseen.details,
            ), "the refusal is not what the preview told"
        return then

    def _foresee(self, command: AnyCommand) -> Preview | Refusal | None:
        is_spent = streams.command(command.account, command.command_id) in self.world.states
        if not isinstance(command, c.MergeRecords) or is_spent:
            return None
        try:
            return self.world.preview(command)
        except Refusal as refusal:
            return refusal


def given(*facts: Given) -> Specification:
    """Give commands, which must be applied, or facts, in order."""
    return Specification(InMemoryLedger()).given(*facts)


def personal_texts(command: AnyCommand) -> set[str]:
    """Name the texts in a command that are about a person, and distinctive enough to look for."""
    return {text for text in _texts(command) if len(text) >= 5 and re.search(r"[@ A-Z]|token|sf-", text)}


def _texts(command: AnyCommand) -> Iterator[str]:
    match command:
        case c.CreateRecord() | c.UpdateRecord() | c.SubmitForm():
            yield from _plain_texts(command.properties.values())
        case c.MergeRecords():
            yield from _plain_texts(command.choices.values())
        case c.Associate():
            for label in command.labels:
                if isinstance(label, c.LabelWithAttributes):
                    yield from _plain_texts(label.attributes.values())
        case _:
            pass
    for name in ("reason", "email", "usertoken", "address", "value", "external_id", "subject", "body"):
        if isinstance(text := getattr(command, name, None), str):
            yield text


def _plain_texts(sent: Iterable[object]) -> Iterator[str]:
    for one in sent:
        plain = one.value if isinstance(one, Dressed) else one
        if isinstance(plain, str):
            yield plain
        elif isinstance(plain, list):
            yield from plain
