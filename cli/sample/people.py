"""Layer: cli. Sample, chapter 3: contacts, about one in seven of them known two or three times."""

from dataclasses import dataclass, field
from typing import Final

from cli.sample.companies import Company
from cli.sample.names import CAMPAIGNS, CITIES, FIRST_NAMES, JOB_TITLES, LAST_NAMES, SOURCES, City, ascii_of
from cli.sample.script import Body, Script, ref
from domain.state.account import LIFECYCLE_STAGES

CONTACTS: Final = 1180  # The heroes of chapter 4 bring them to about 1,200.
FIRST_ID: Final = 10001
INTERESTS: Final = ("golf", "cycling", "wine", "opera", "sailing", "chess")


@dataclass
class Person:
    """Someone, with the records that stand for them; the oldest first."""

    first: str
    last: str
    city: City
    company: Company | None
    record_ids: list[str] = field(default_factory=list)
    emails: list[str] = field(default_factory=list)


def arrive(script: Script, companies: list[Company]) -> list[Person]:
    """Create the contacts and link them to their companies."""
    people: list[Person] = []
    taken: set[str] = set()
    count = 0
    while count < CONTACTS:
        company = script.rng.choice(companies) if script.happens(70) else None
        person = Person(
            script.rng.choice(FIRST_NAMES), script.rng.choice(LAST_NAMES), script.rng.choice(CITIES), company
        )
        people.append(person)
        times = script.rng.choices((1, 2, 3), (85, 13, 2))[0]
        for _ in range(min(times, CONTACTS - count)):
            _create(script, person, taken, str(FIRST_ID + count))
            count += 1
    return people


def _create(script: Script, person: Person, taken: set[str], record_id: str) -> None:
    again = bool(person.record_ids)
    person.record_ids.append(record_id)
    email = _address(script, person, taken)
    script.send(
        "create_record",
        object_type="contacts",
        record_id=record_id,
        properties=_properties(script, person, email, again=again),
        actor="website" if again else "crm-import",
    )
    if person.company is not None and script.happens(60 if again else 95):
        script.send(
            "associate",
            object_type="contacts",
            record_id=record_id,
            to=ref("companies", person.company.record_id),
            labels=["primary"],
        )
    if email is not None and script.happens(6):  # Two addresses, one person.
        private = _unused(f"{ascii_of(person.first)}.{ascii_of(person.last)}@post.example".lower(), taken)
        script.send("add_identifier", object_type="contacts", record_id=record_id, kind="email", value=private)


def _address(script: Script, person: Person, taken: set[str]) -> str | None:
    if not script.happens(93):
        return None
    first, last = ascii_of(person.first), ascii_of(person.last)
    local = script.rng.choice((f"{first}.{last}", f"{first[0]}.{last}", f"{first}{last[0]}", last))
    host = person.company.domain if person.company is not None and script.happens(75) else "mail.example"
    email = _unused(f"{local}@{host}", taken)
    person.emails.append(email)
    return email


def _unused(email: str, taken: set[str]) -> str:
    """Number an address until nobody has it, whatever its case."""
    local, host = email.split("@")
    number = 1
    while email.lower() in taken:
        number += 1
        email = f"{local}{number}@{host}"
    taken.add(email.lower())
    return email


def _properties(script: Script, person: Person, email: str | None, *, again: bool) -> Body:
    rng = script.rng
    first, last = person.first, person.last
    if again and script.happens(60):  # The same person, typed by someone else.
        first, last = ascii_of(first), rng.choice((last, last.upper(), ascii_of(last)))
    properties: Body = {
        "firstname": first,
        "lastname": last,
        "email": email,
        "phone": f"{person.city.dial} 555 {rng.randrange(100):02d} {rng.randrange(100):02d}"
        if script.happens(70)
        else "",
        "city": person.city.name if script.happens(80) else rng.choice(("", "  ", None)),
        "country": person.city.country,
        "preferred_language": person.city.language,
        "jobtitle": rng.choice(JOB_TITLES) if script.happens(55) else None,
        "lifecyclestage": rng.choice(LIFECYCLE_STAGES),
        "hs_analytics_source": {
            "value": rng.choice(SOURCES),
            "at": script.some_time(),
            "source": "manual" if script.happens(6) else "analytics",
        },
        "hs_analytics_source_data_1": rng.choice(CAMPAIGNS),
        "createdate": script.some_time(),
    }
    if script.happens(65):
        properties["hs_analytics_num_page_views"] = rng.randint(0, 80)
        properties["hs_analytics_num_visits"] = rng.randint(0, 20)
    if script.happens(30):
        properties["hs_marketable_status"] = script.happens(50)
    if script.happens(20):
        properties["hs_legal_basis"] = rng.choice((["consent"], ["legitimate interest"], ["contract", "consent"]))
    if script.happens(25):
        properties["loyalty_points"] = rng.randrange(0, 5000, 50)
        properties["interests"] = rng.sample(INTERESTS, rng.randint(1, 3))
    if script.happens(25):
        properties["last_visit"] = script.some_time(2023, 2024)
    return properties
