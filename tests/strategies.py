"""Layer: tests. Histories for Hypothesis: sequences of commands over a few records, most of them possible.

Hypothesis draws a seed and which steps to leave out; each step is played by dice of its own, so
histories are rich, cheap to draw, and shrink by leaving steps out. A history keeps a rough count of which records
stand, so that merges meet; it is not the model that is tested against, and a command that turns out
impossible is a refusal like any other. Two casts share no record and no identifier, only definitions.
"""

from collections.abc import Callable, Sequence
from random import Random
from typing import Final, NamedTuple, TypeAlias, TypeVar

from hypothesis import strategies as st
from msgspec.structs import replace

from domain.language import commands as c
from domain.language.ids import RecordRef
from domain.language.values import Plain, Sent
from tests import builders as b

LENGTH_MAX: Final = 50
T = TypeVar("T")

STAGES: Final = ("subscriber", "lead", "customer", "our own")
TIMES: Final = ("2021-01-01", "2023-01-01", "2025-01-01")
SEGMENTS: Final = ("s1", "s2")
WORKFLOWS: Final = ("stage", "city", "merged", "addressed", "by-hand")

# What every history begins with: definitions that its commands name.
DEFINITIONS: Final[tuple[c.AnyCommand, ...]] = (
    *(b.static_segment(one) for one in SEGMENTS),
    b.active_segment("customers", b.where(lifecyclestage="customer")),
    b.workflow("stage", b.where(lifecyclestage="customer"), allow=True),
    b.workflow("city", b.where(city="Gent")),
    b.workflow("merged", b.where(hs_merged_object_ids="a2"), allow=True),
    b.workflow("addressed", b.where(hs_additional_emails="a1@x.example"), allow=True),
    b.workflow("by-hand"),
    b.define(
        "contacts",
        badge={"unique": True},
        score={"type": "number", "rule": "max"},
        visits={"type": "number", "rule": "sum"},
        tags={"type": "list", "rule": "union"},
        nickname={"rule": "most_recent"},
        first_seen={"type": "datetime", "rule": "oldest"},
    ),
)

_PROPERTIES: Final[dict[str, Sequence[Plain]]] = {
    "city": ("Gent", "Brugge", "", None),
    "lifecyclestage": (*STAGES, None),
    "hs_analytics_source": ("PAID", "ORGANIC", None),
    "hs_analytics_source_data_1": ("spring sale", "mergers"),
    "hs_analytics_num_page_views": (0, 3, None),
}
_CONTACT_PROPERTIES: Final[dict[str, Sequence[Plain]]] = {
    "score": (None, 1, 2),
    "visits": (None, 0, 5),
    "tags": (["x"], ["y", "z"], []),
    "nickname": (None, "Annie", "Nan"),
    "first_seen": (None, *TIMES),
    "num_conversion_events": (None, 1, 4),
    "hs_marketable_status": (None, True, False),
    "hs_legal_basis": (None, ["consent"], ["contract"]),
}
_SETTINGS: Final[tuple[c.AnyCommand, ...]] = (
    b.configure(static_segments="union"),
    b.configure(merge_limit=2),
    b.configure(merge_limit=250),
    b.configure(marketing_contacts=False),
    b.configure(later_enrollment="always"),
    b.configure(legal_basis="single"),
    b.configure(salesforce_integration=True),
    b.configure(salesforce_integration=False),
    b.on_plan("starter"),
    b.on_plan("professional"),
)


class Cast(NamedTuple):
    """Whom a history is about: the letter that its ids and identifiers begin with."""

    letter: str = "a"

    @property
    def contacts(self) -> list[RecordRef]:
        """Contacts that a history begins with."""
        return [RecordRef("contacts", f"{self.letter}{number}") for number in range(1, 7)]

    @property
    def companies(self) -> list[RecordRef]:
        """Companies that a history begins with."""
        return [RecordRef("companies", f"{self.letter}{number}") for number in range(1, 4)]

    def names(self, of: str, count: int = 3) -> list[str]:
        """Name things of one sort: `{}` in `of` is replaced by the letter and a number."""
        return [of.format(f"{self.letter}{number}") for number in range(1, count + 1)]


class Script:
    """A history while it is played: whom it can name, and who stands as far as one can tell without deciding."""

    def __init__(self, cast: Cast) -> None:
        self.cast = cast
        self.standing = [*cast.contacts, *cast.companies]
        self.known = [*self.standing]
        self.merges = 0
        self.dice = Random(0)  # noqa: S311  dice, not secrets

    def pick(self, choices: Sequence[T]) -> T:
        """Take one of these."""
        return self.dice.choice(choices)

    def in_(self, of_so_many: int) -> bool:
        """Throw: one time in so many."""
        return self.dice.randrange(of_so_many) == 0

    def one_of(self, *object_types: str) -> RecordRef:
        """Take a record, mostly one that stands."""
        pool = self.known if self.in_(5) else self.standing
        fitting = [one for one in pool if not object_types or one.object_type in object_types]
        return self.pick(fitting or self.known)

    def email(self) -> str:
        """Take an address."""
        return self.pick(self.cast.names("{}@x.example", 5))

    def badge(self) -> str:
        """Take a unique value."""
        return self.pick(self.cast.names("badge-{}", 9))

    def domain(self) -> str:
        """Take a domain."""
        return self.pick(self.cast.names("{}.example"))

    def properties(self, object_type: str) -> dict[str, Sent]:
        """Take some properties, plain or dressed."""
        pool = _PROPERTIES | (_CONTACT_PROPERTIES if object_type == "contacts" else {})
        taken: dict[str, Sent] = {}
        for name, values in pool.items():
            if self.in_(3):
                value = self.pick(values)
                taken[name] = b.dressed(value, self.pick(TIMES)) if self.in_(2) else value
        if object_type != "contacts":
            return {**taken, "domain": self.domain()} if self.in_(2) else taken
        if self.in_(4):
            taken["email"] = None if self.in_(4) else self.email()
        if self.in_(4):
            taken["badge"] = None if self.in_(4) else self.badge()
        return taken


Step: TypeAlias = Callable[[Script], c.AnyCommand]


def _merge(script: Script) -> c.AnyCommand:
    primary = script.one_of(*(["contacts"] if script.in_(2) else []))
    same_type = [one for one in script.standing if one.object_type == primary.object_type and one != primary]
    secondary = script.pick(same_type) if same_type else primary
    script.merges += 1
    result = RecordRef(primary.object_type, f"{script.cast.letter}m{script.merges}")
    if {primary, secondary} <= {*script.standing} and primary != secondary:
        script.standing = [one for one in script.standing if one not in (primary, secondary)]
        script.standing.append(result)
        script.known.append(result)
    choices: dict[str, c.Choice] = {}
    if script.in_(4):
        choices["city"] = script.pick(("primary", "secondary", "Gent"))
    if script.in_(4):
        choices["lifecyclestage"] = script.pick(("primary", "secondary"))
    if script.in_(9):
        choices["email"] = "secondary"
    overrides = script.in_(2)
    return b.merge(
        primary,
        secondary,
        into=result,
        choices=choices,
        override=overrides,
        reason="We asked both of them" if overrides else None,
    )


def _create(script: Script) -> c.AnyCommand:
    new = script.one_of()
    if not script.in_(4):
        new = new._replace(record_id=f"{script.cast.letter}n{len(script.known)}")
        script.known.append(new)
        script.standing.append(new)
    return b.create(new, script.properties(new.object_type))


def _update(script: Script) -> c.AnyCommand:
    record = script.one_of()
    return b.update(record, script.properties(record.object_type))


def _form(script: Script) -> c.AnyCommand:
    token = None if script.in_(3) else script.pick(script.cast.names("token-{}", 4))
    email = None if token is not None and script.in_(2) else script.email()
    asked = b.submit_form(script.pick(("signup", "quote")), usertoken=token, email=email)
    return replace(asked, submission_id=script.pick(script.cast.names("submission-{}", 20)))


def _associate(script: Script) -> c.AnyCommand:
    labels: tuple[tuple[str, ...], ...] = ((), ("partner",), ("parent",), ("child", "partner"))
    return b.associate(script.one_of(), script.one_of(), *script.pick(labels))


def _primary_company(script: Script) -> c.AnyCommand:
    return b.primary_company(script.one_of("contacts"), script.one_of("companies"))


def _dissociate(script: Script) -> c.AnyCommand:
    labels: tuple[tuple[str, ...], ...] = ((), ("primary",), ("parent",))
    return b.dissociate(script.one_of(), script.one_of(), *script.pick(labels))


def _identifier(script: Script) -> c.AnyCommand:
    record, kind = script.one_of(), None
    value = script.email() if record.object_type == "contacts" else script.domain()
    if record.object_type == "contacts" and script.in_(3):
        value, kind = script.badge(), "property:badge"
    asks: tuple[Callable[[RecordRef, str, str | None], c.AnyCommand], ...] = (
        b.add_identifier,
        b.add_identifier,
        b.remove_identifier,
        b.set_primary_identifier,
    )
    return script.pick(asks)(record, value, kind)


def _suppression(script: Script) -> c.AnyCommand:
    ask = b.lift_suppression if script.in_(3) else b.suppress
    topic, address = script.pick((None, "news")), None if script.in_(2) else script.email()
    return ask(script.one_of("contacts"), topic=topic, address=address)


def _belonging(script: Script) -> c.AnyCommand:
    record, names, pick = script.one_of("contacts"), script.cast.names, script.pick
    steps: tuple[Callable[[], c.AnyCommand], ...] = (
        lambda: b.add_to_segment(pick((*SEGMENTS, "customers")), record),
        lambda: b.add_to_segment(pick(SEGMENTS), record),
        lambda: b.remove_from_segment(pick(SEGMENTS), record),
        lambda: b.enroll(pick(WORKFLOWS), record),
        lambda: b.unenroll(pick(WORKFLOWS), record),
        lambda: b.log_playbook(pick(names("playbook-{}")), record, "draft" if script.in_(2) else "logged"),
        lambda: b.link_sync(record, pick(names("sf-{}", 9))),
        lambda: b.link_sync(record, pick(names("sf-{}", 9))),
        lambda: b.unlink_sync(record),
        lambda: b.start_call(record, pick(names("call-{}"))),
        lambda: b.end_call(record, pick(names("call-{}"))),
    )
    return pick(steps)()


def _mark(script: Script) -> c.AnyCommand:
    ask = b.unmark_not_duplicates if script.in_(3) else b.mark_not_duplicates
    return ask(script.one_of("contacts"), script.one_of("contacts"))


def _standing(script: Script) -> c.AnyCommand:
    record = script.pick(script.known)
    return b.unmerge(record) if script.in_(4) else b.restore(record) if script.in_(2) else b.archive(record)


def _recreate(script: Script) -> c.AnyCommand:
    gone = [one for one in script.known if one not in script.standing]
    return b.recreate(script.pick(gone or script.known))


def _activity(script: Script) -> c.AnyCommand:
    return b.log_activity(script.pick(script.cast.names("activity-{}", 20)), script.one_of(), script.one_of())


STEPS: Final[tuple[Step, ...]] = (
    *(_merge,) * 7,
    *(_create,) * 2,
    *(_update,) * 4,
    *(_form,) * 3,
    *(_associate,) * 3,
    *(_primary_company,) * 2,
    _dissociate,
    *(_identifier,) * 3,
    *(_suppression,) * 2,
    *(_belonging,) * 6,
    _mark,
    _standing,
    _recreate,
    *(_activity,) * 2,
)


def played(cast: Cast, steps: Sequence[int], *, settings: bool = True) -> list[c.AnyCommand]:
    """Play a history: the cast begins, then one command a step, whose number seeds the dice."""
    script = Script(cast)
    history: list[c.AnyCommand] = []
    for nth, record in enumerate(script.standing):
        script.dice.seed(nth + sum(steps[:1]))
        own = {"email": f"{record.record_id}@x.example"} if record.object_type == "contacts" and script.in_(2) else {}
        history.append(b.create(record, {**script.properties(record.object_type), "badge": None, "email": None, **own}))
    for step in steps:
        script.dice.seed(step)
        is_setting = settings and script.in_(25)
        history.append(script.pick(_SETTINGS) if is_setting else script.pick(STEPS)(script))
    return [replace(one, command_id=f"{cast.letter}-{number}") for number, one in enumerate(history)]


def histories(
    cast: Cast | None = None, *, settings: bool = True, length_max: int = LENGTH_MAX
) -> st.SearchStrategy[list[c.AnyCommand]]:
    """Draw a history: the seed of its dice, and for each step whether it is left out (0)."""
    steps = st.lists(st.integers(0, 3), min_size=length_max, max_size=length_max)

    def play(seed: int, drawn: list[int]) -> list[c.AnyCommand]:
        kept = [seed * length_max + nth for nth, one in enumerate(drawn) if one]
        return played(cast or Cast(), kept, settings=settings)

    return st.builds(play, st.integers(0, 2**32), steps)
