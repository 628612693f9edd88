"""Layer: cli. Sample, chapter 6: the merges, and what still reaches the records that were merged away."""

from typing import Final

from cli.sample.companies import Company
from cli.sample.dealings import Work
from cli.sample.heroes import CHAIN, CHAIN_RESULTS, PRIMARY, RESULT, SECONDARY
from cli.sample.people import Person
from cli.sample.script import Script

HERO_MERGE: Final = "sample-merge-101-102"
REASONS: Final = ("same person", "dubbele fiche", "imported twice", None)


def merge(script: Script, people: list[Person], companies: list[Company], work: Work) -> None:
    """Merge what is known twice."""
    script.send("start_call", object_type="contacts", record_id=PRIMARY, call_id="call-77")
    _merge(
        script,
        "contacts",
        PRIMARY,
        SECONDARY,
        result_id=RESULT,
        command_id=HERO_MERGE,
        choices={"city": "secondary"},
        reason="same person, met at the spring fair",
        actor="j.peeters",
    )
    _chain(script)
    _contacts(script, people)
    twins = [(company.twin_of, company.record_id) for company in companies if company.twin_of is not None]
    for object_type, pairs in (("companies", twins), *work.twins.items()):
        for primary, secondary in pairs:
            _merge(script, object_type, primary, secondary, reason=script.rng.choice(REASONS))
    _afterwards(script)


def _merge(script: Script, object_type: str, primary: str, secondary: str, **fields: object) -> None:
    script.send(
        "merge_records",
        object_type=object_type,
        primary_id=primary,
        secondary_id=secondary,
        **fields,
    )


def _chain(script: Script) -> None:
    so_far = CHAIN[0]
    for record_id, result_id in zip(CHAIN[1:], CHAIN_RESULTS, strict=True):
        _merge(script, "contacts", so_far, record_id, result_id=result_id, actor="dedupe-job")
        so_far = result_id


def _contacts(script: Script, people: list[Person]) -> None:
    for person in people:
        match person.record_ids:
            case [primary, secondary]:
                choices = {"city": script.rng.choice(("primary", "secondary"))} if script.happens(20) else None
                _merge(
                    script,
                    "contacts",
                    primary,
                    secondary,
                    choices=choices,
                    reason=script.rng.choice(REASONS),
                    actor="dedupe-job",
                )
            case [primary, secondary, third]:
                result_id = f"{primary}-m"
                _merge(script, "contacts", primary, secondary, result_id=result_id, actor="dedupe-job")
                _merge(script, "contacts", third, result_id, actor="dedupe-job")
            case _:
                pass


def _afterwards(script: Script) -> None:
    """Old ids, addresses and devices lead to the merged record; nothing is lost."""
    script.send("update_record", object_type="contacts", record_id=SECONDARY, properties={"phone": "+32 9 555 01 43"})
    script.send("submit_form", form_id="webinar-07", submission_id="s-103-1", usertoken="u-anneke-phone")
    script.send(
        "submit_form",
        form_id="contact-us",
        submission_id="s-103-2",
        usertoken="u-anneke-tablet",
        email="anneke.vdm@post.example",
    )
    script.send(
        "log_activity",
        activity_id="act-103-1",
        activity_type="call",
        records=[{"object_type": "contacts", "record_id": SECONDARY}],
        subject="Both records are one now",
    )
    # One of the thirteen was someone else after all: the address goes free, and a new record takes it (H52).
    script.send(
        "remove_identifier",
        object_type="contacts",
        record_id=CHAIN_RESULTS[-1],
        kind="email",
        value="jan.janssens+4@mail.example",
    )
    script.send(
        "create_record",
        object_type="contacts",
        record_id="241",
        properties={"firstname": "Jan", "lastname": "Janssens jr.", "email": "jan.janssens+4@mail.example"},
    )
    # And another comes back as it was before its merge.
    script.send("recreate_record", object_type="contacts", record_id=CHAIN[6], new_record_id="242")
