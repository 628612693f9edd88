"""Layer: cli. Sample, chapter 4: the people that the demo and the docs point at.

Contacts 101 and 102 are one woman whose merge meets nearly every rule; their merged record is 103.
Contacts 201 to 213 are one man, imported thirteen times: merged one by one they make a chain 12 deep.
"""

from typing import Final

from cli.sample.script import Body, Script, ref

PRIMARY, SECONDARY, RESULT = "101", "102", "103"
CHAIN: Final = tuple(str(number) for number in range(201, 214))
CHAIN_RESULTS: Final = tuple(str(number) for number in range(221, 233))
CHAIN_CITIES: Final = ("Kortrijk", "Brussel", "", "Leuven", "Mechelen", "Aalst", "Oostende")


def _sourced(value: str, at: str, source: str) -> Body:
    return {"value": value, "at": at, "source": source}


def live(script: Script) -> None:
    """Create them, and let things happen to them."""
    _two_companies(script)
    _first_record(script)
    _second_record(script)
    script.send(
        "associate",
        object_type="contacts",
        record_id=PRIMARY,
        to=ref("contacts", SECONDARY),
        labels=["same household?"],
    )
    _thirteen_records(script)


def _two_companies(script: Script) -> None:
    for record_id, name, domain in (
        ("51", "Tuincentrum Van der Meer", "tuincentrum-vdm.example"),
        ("52", "Brouwerij De Zwaan", "dezwaan.example"),
    ):
        script.send(
            "create_record",
            object_type="companies",
            record_id=record_id,
            properties={"name": name, "domain": domain, "lifecyclestage": "customer"},
        )


def _first_record(script: Script) -> None:
    def about(command: str, **fields: object) -> None:
        script.send(command, object_type="contacts", record_id=PRIMARY, **fields)

    about(
        "create_record",
        properties={
            "firstname": "Anneke",
            "lastname": "van der Meer",
            "email": "Anneke@tuincentrum-vdm.example",
            "phone": "",
            "city": _sourced("Gent", "2023-02-01T09:00:00Z", "manual"),
            "country": "Belgium",
            "jobtitle": None,
            "lifecyclestage": "lead",
            "hs_analytics_source": _sourced("PAID_SEARCH", "2023-01-15T10:00:00Z", "analytics"),
            "hs_analytics_num_page_views": 40,
            "num_conversion_events": 3,
            "num_unique_conversion_events": 2,
            "hs_marketable_status": False,
            "hs_legal_basis": ["consent"],
            "loyalty_points": 150,
            "interests": ["cycling"],
            "createdate": "2024-05-01T08:00:00Z",
        },
    )
    about("associate", to=ref("companies", "51"), labels=["primary", {"label": "owner", "attributes": {"since": 2011}}])
    about("add_to_segment", segment_id="spring-fair")
    about("add_to_segment", segment_id="vip-dinner")
    about("enroll", workflow_id="onboarding")
    about("log_playbook", playbook_id="intake-2025", state="logged")
    about("log_playbook", playbook_id="renewal-2025", state="draft")
    about("link_sync", system="salesforce", external_id="0035g00000AnnekeA")
    script.send(
        "submit_form",
        form_id="contact-us",
        submission_id="s-101-1",
        usertoken="u-anneke-laptop",
        email="anneke@tuincentrum-vdm.example",
    )
    _activity(
        script,
        "act-101-1",
        PRIMARY,
        activity_type="call",
        subject="Intake",
        body="Wants one supplier for both gardens.",
    )
    _activity(script, "act-101-2", PRIMARY, activity_type="note", subject="Belt terug na de vakantie")


def _second_record(script: Script) -> None:
    def about(command: str, **fields: object) -> None:
        script.send(command, object_type="contacts", record_id=SECONDARY, **fields)

    about(
        "create_record",
        properties={
            "firstname": "Anneke",
            "lastname": "Vandermeer",
            "email": "anneke.vdm@post.example",
            "phone": "+32 50 555 01 42",
            "city": _sourced("Brugge", "2025-01-20T11:30:00Z", "form"),
            "country": "Belgium",
            "jobtitle": "Zaakvoerder",
            "lifecyclestage": "customer",
            "hs_analytics_source": _sourced("ORGANIC_SEARCH", "2021-03-09T14:05:00Z", "analytics"),
            "hs_analytics_num_page_views": 25,
            "num_conversion_events": 2,
            "num_unique_conversion_events": 1,
            "hs_marketable_status": True,
            "hs_legal_basis": ["legitimate interest"],
            "loyalty_points": 90,
            "interests": ["wine", "cycling"],
            "createdate": "2021-03-09T14:00:00Z",
        },
    )
    about("associate", to=ref("companies", "52"), labels=["primary"])
    about("associate", to=ref("companies", "51"), labels=["visitor"])
    about("add_to_segment", segment_id="vip-dinner")
    about("add_to_segment", segment_id="newsletter-nl")
    about("log_playbook", playbook_id="fair-2025", state="logged")
    about("link_sync", system="salesforce", external_id="0035g00000AnnekeB")
    about("suppress", kind="unsubscribed", topic="newsletter", address="anneke.vdm@post.example")
    script.send(
        "submit_form",
        form_id="fair-signup",
        submission_id="s-102-1",
        usertoken="u-anneke-phone",
        email="anneke.vdm@post.example",
    )
    _activity(script, "act-102-1", SECONDARY, activity_type="meeting", subject="Demo on site", body="Stand 12, hall 3.")


def _activity(script: Script, activity_id: str, record_id: str, **fields: str) -> None:
    script.send("log_activity", activity_id=activity_id, records=[ref("contacts", record_id)], **fields)


def _thirteen_records(script: Script) -> None:
    for number, record_id in enumerate(CHAIN, start=1):
        script.send(
            "create_record",
            object_type="contacts",
            record_id=record_id,
            properties={
                "firstname": "Jan",
                "lastname": "Janssens",
                "email": f"jan.janssens+{number}@mail.example" if number % 3 else None,
                "city": CHAIN_CITIES[number % len(CHAIN_CITIES)],
                "lifecyclestage": "opportunity" if number == len(CHAIN) else "lead",
                "hs_analytics_num_page_views": number,
                "createdate": script.some_time(),
            },
            actor="crm-import",
        )
        _activity(script, f"import-{number}", record_id, activity_type="note", subject=f"Import {number}")
