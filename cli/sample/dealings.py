"""Layer: cli. Sample, chapter 5: what happens to records before they merge."""

from dataclasses import dataclass, field
from typing import Final

from cli.sample.companies import Company
from cli.sample.names import BODIES, DEAL_STAGES, DEALS, SUBJECTS, TICKETS
from cli.sample.people import Person
from cli.sample.script import Script, ref
from cli.sample.setting import HAND_WORKFLOWS, STATIC_SEGMENTS

DEALS_MADE: Final = 200
TICKETS_MADE: Final = 110
VEHICLES_MADE: Final = 36
SERVICES_MADE: Final = 16
ACTIVITIES: Final = 1400
FORMS: Final = ("contact-us", "fair-signup", "price-list", "webinar-07")


@dataclass
class Work:
    """Records of other types that were made twice: pairs of ids by object type."""

    twins: dict[str, list[tuple[str, str]]] = field(default_factory=dict)


def happen(script: Script, people: list[Person], companies: list[Company]) -> Work:
    """Sell, help, meet, write, and keep lists."""
    work = Work()
    _deals(script, people, companies, work)
    _tickets(script, people, work)
    _vehicles(script, people, work)
    _services(script, companies, work)
    _activities(script, people, companies)
    _forms(script, people)
    _lists(script, people, companies)
    _wishes(script, people)
    return work


def _record_of(script: Script, people: list[Person]) -> str:
    return script.rng.choice(script.rng.choice(people).record_ids)


def _twin(script: Script, work: Work, object_type: str, ids: list[str], *, percent: int) -> None:
    """Now and then the record just made is the one before it, made twice."""
    if (
        len(ids) > 1
        and not any(ids[-2] in pair for pair in work.twins.get(object_type, []))
        and script.happens(percent)
    ):
        work.twins.setdefault(object_type, []).append((ids[-2], ids[-1]))


def _deals(script: Script, people: list[Person], companies: list[Company], work: Work) -> None:
    ids: list[str] = []
    for number in range(DEALS_MADE):
        record_id = str(30_001 + number)
        ids.append(record_id)
        company = script.rng.choice(companies)
        script.send(
            "create_record",
            object_type="deals",
            record_id=record_id,
            properties={
                "dealname": f"{script.rng.choice(DEALS)} {company.name}",
                "amount": script.rng.choice((None, script.rng.randrange(500, 150_000, 250))),
                "dealstage": script.rng.choice(DEAL_STAGES),
            },
        )
        script.send(
            "associate",
            object_type="deals",
            record_id=record_id,
            to=ref("companies", company.record_id),
            labels=["primary"],
        )
        script.send(
            "associate",
            object_type="contacts",
            record_id=_record_of(script, people),
            to=ref("deals", record_id),
            labels=[{"label": "decision maker", "attributes": {"certain": script.happens(50)}}] if number % 3 else None,
        )
        _twin(script, work, "deals", ids, percent=6)


def _tickets(script: Script, people: list[Person], work: Work) -> None:
    ids: list[str] = []
    for number in range(TICKETS_MADE):
        record_id = str(40_001 + number)
        ids.append(record_id)
        script.send(
            "create_record",
            object_type="tickets",
            record_id=record_id,
            properties={"subject": script.rng.choice(TICKETS), "priority": script.rng.choice(("LOW", "HIGH", ""))},
        )
        script.send(
            "associate", object_type="tickets", record_id=record_id, to=ref("contacts", _record_of(script, people))
        )
        _twin(script, work, "tickets", ids, percent=8)


def _vehicles(script: Script, people: list[Person], work: Work) -> None:
    ids: list[str] = []
    for number in range(VEHICLES_MADE):
        record_id = f"v-{number + 1}"
        ids.append(record_id)
        script.send(
            "create_record",
            object_type="vehicles",
            record_id=record_id,
            properties={
                "vin": f"WMEREX{script.rng.randrange(16**8):08X}{number:03d}",
                "mileage": script.rng.randrange(10, 180_000),
                "first_registered": script.some_time(2008, 2024),
                "tags": script.rng.sample(("lease", "electric", "winter tyres", "tow bar"), script.rng.randint(0, 2)),
            },
        )
        script.send(
            "associate",
            object_type="vehicles",
            record_id=record_id,
            to=ref("contacts", _record_of(script, people)),
            labels=["driver"],
        )
        _twin(script, work, "vehicles", ids, percent=20)


def _services(script: Script, companies: list[Company], work: Work) -> None:
    ids: list[str] = []
    for number in range(SERVICES_MADE):
        record_id = f"srv-{number + 1}"
        ids.append(record_id)
        company = script.rng.choice(companies)
        script.send(
            "create_record",
            object_type="services",
            record_id=record_id,
            properties={"name": f"Onderhoud {company.name}", "hours": script.rng.randint(1, 40)},
        )
        script.send(
            "associate",
            object_type="services",
            record_id=record_id,
            to=ref("companies", company.record_id),
            labels=["primary"],
        )
        _twin(script, work, "services", ids, percent=20)


def _activities(script: Script, people: list[Person], companies: list[Company]) -> None:
    for number in range(ACTIVITIES):
        kind = script.rng.choice(tuple(SUBJECTS))
        records = [ref("contacts", _record_of(script, people))]
        if script.happens(30):
            records.append(ref("companies", script.rng.choice(companies).record_id))
        script.send(
            "log_activity",
            activity_id=f"act-{number + 1}",
            activity_type=kind,
            records=records,
            subject=script.rng.choice(SUBJECTS[kind]),
            body=script.rng.choice(BODIES),
        )


def _forms(script: Script, people: list[Person]) -> None:
    for number, person in enumerate(script.rng.sample(people, 260)):
        email = script.rng.choice(person.emails) if person.emails else None
        script.send(
            "submit_form",
            form_id=script.rng.choice(FORMS),
            submission_id=f"s-{number + 1}",
            usertoken=f"u-{number + 1}",
            email=email,
            # A visitor without an address says who they are; the submission makes a contact of them.
            properties={"city": person.city.name} if email else {"firstname": person.first, "city": person.city.name},
        )


def _lists(script: Script, people: list[Person], companies: list[Company]) -> None:
    for segment_id in STATIC_SEGMENTS:
        for person in script.rng.sample(people, 60):
            for record_id in person.record_ids:
                script.send("add_to_segment", segment_id=segment_id, object_type="contacts", record_id=record_id)
    for company in script.rng.sample(companies, 30):
        script.send("add_to_segment", segment_id="key-accounts", object_type="companies", record_id=company.record_id)
    for workflow_id in HAND_WORKFLOWS:
        for person in script.rng.sample(people, 50):
            for record_id in person.record_ids:
                script.send("enroll", workflow_id=workflow_id, object_type="contacts", record_id=record_id)
    for number, person in enumerate(script.rng.sample(people, 40)):
        for record_id in person.record_ids:
            script.send(
                "log_playbook",
                object_type="contacts",
                record_id=record_id,
                playbook_id=f"playbook-{number + 1}",
                state=script.rng.choice(("logged", "draft")),
            )
    for number, person in enumerate(script.rng.sample(people, 40)):
        for turn, record_id in enumerate(person.record_ids):
            script.send(
                "link_sync",
                object_type="contacts",
                record_id=record_id,
                system="salesforce",
                external_id=f"0035g0000{number:04d}AA{turn}",
            )


def _wishes(script: Script, people: list[Person]) -> None:
    """What people do not want, and who is not whom."""
    for person in script.rng.sample([person for person in people if person.emails], 45):
        script.send(
            "suppress",
            object_type="contacts",
            record_id=person.record_ids[-1],
            kind=script.rng.choice(("unsubscribed", "objected", "do_not_contact")),
            topic=script.rng.choice(("newsletter", "events", None)),
        )
    for _ in range(8):
        one, other = script.rng.sample([person for person in people if len(person.record_ids) == 1], 2)
        script.send("mark_not_duplicates", object_type="contacts", record_ids=[one.record_ids[0], other.record_ids[0]])
    for person in script.rng.sample(people, 12):
        script.send(
            "update_record",
            object_type="contacts",
            record_id=person.record_ids[0],
            properties={"jobtitle": "Retired", "phone": None},
        )
