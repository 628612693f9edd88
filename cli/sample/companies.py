"""Layer: cli. Sample, chapter 2: companies, some of them known twice."""

from dataclasses import dataclass
from typing import Final

from cli.sample.names import CITIES, FORMS_OF_COMPANY, INDUSTRIES, LAST_NAMES, SOURCES, TRADES, ascii_of
from cli.sample.script import Body, Script, ref

COMPANIES: Final = 240
FIRST_ID: Final = 5001
KNOWN_TWICE: Final = 24
STAGES: Final = ("subscriber", "lead", "marketingqualifiedlead", "opportunity", "customer", "evangelist", "other")


@dataclass(frozen=True)
class Company:
    """A company as first sent. `twin_of` is the record it duplicates."""

    record_id: str
    name: str
    domain: str
    twin_of: str | None = None


def begin(script: Script) -> list[Company]:
    """Create the companies; the last ones are the same as earlier ones under another spelling."""
    known: list[Company] = []
    names: set[str] = set()
    while len(known) < COMPANIES - KNOWN_TWICE:
        bare = f"{script.rng.choice(TRADES)} {script.rng.choice(LAST_NAMES)}"
        if bare in names:
            continue
        names.add(bare)
        domain = f"{ascii_of(bare.replace(' ', '-')).lower()}.example"
        _create(script, known, bare + script.rng.choice(FORMS_OF_COMPANY), domain)
    for first in script.rng.sample(known[20:], KNOWN_TWICE):
        other_domain = first.domain.replace(".example", "-group.example")
        # Duplicate companies may share a domain, be written otherwise, or have moved to another.
        domain = script.rng.choice((first.domain, first.domain.upper() + ".", other_domain))
        _create(script, known, first.name.upper(), domain, twin_of=first.record_id)
    # A holding and its two daughters; `parent` says that the other one is the parent.
    for daughter in known[1:3]:
        script.send(
            "associate",
            object_type="companies",
            record_id=daughter.record_id,
            to=ref("companies", known[0].record_id),
            labels=["parent"],
        )
    return known


def _create(script: Script, known: list[Company], name: str, domain: str, twin_of: str | None = None) -> None:
    rng = script.rng
    city = rng.choice(CITIES)
    company = Company(str(FIRST_ID + len(known)), name, domain.lower().rstrip("."), twin_of)
    known.append(company)
    properties: Body = {
        "name": name,
        "domain": domain if script.happens(92) else None,
        "city": city.name,
        "country": city.country,
        "industry": rng.choice(INDUSTRIES) if script.happens(80) else "",
        "lifecyclestage": rng.choice(STAGES),
        "hs_analytics_source": {
            "value": rng.choice(SOURCES),
            "at": script.some_time(),
            "source": "manual" if script.happens(8) else "analytics",
        },
        "createdate": script.some_time(),
    }
    if script.happens(60):
        properties["hs_analytics_num_page_views"] = rng.randint(1, 400)
        properties["hs_analytics_num_visits"] = rng.randint(1, 60)
    script.send(
        "create_record", object_type="companies", record_id=company.record_id, properties=properties, actor="erp-import"
    )
