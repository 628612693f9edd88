"""Layer: cli. Sample, chapter 7: commands that are refused, at least one for each code there is, and one repeated."""

from typing import Final

from cli.sample.heroes import CHAIN, CHAIN_RESULTS, PRIMARY, RESULT
from cli.sample.merging import HERO_MERGE
from cli.sample.script import SMALL, Script, ref

ANN, ANNE = "301", "302"  # Merged with nobody: try it yourself.
GONE: Final = "303"  # Archived.
CRAWLERS: Final = "305", "306"  # With more page views than can be added up.
# As a preview of the two gave it, before one of them changed.
STALE_TOKEN: Final = "925b66b2-1-1-000000000000000000000000"  # noqa: S105  no password


def be_refused(script: Script) -> None:
    """Ask what cannot be done."""
    _three_more_people(script)
    _ids_and_types(script)
    _merges(script)
    _choices(script)
    _sums(script)
    _tokens(script)
    _others(script)
    _in_the_small_account(script)
    script.send_again(HERO_MERGE)  # Word for word: the first answer again, and nothing changes.


def _merge(script: Script, primary: str, secondary: str, object_type: str = "contacts", **fields: object) -> None:
    script.send("merge_records", object_type=object_type, primary_id=primary, secondary_id=secondary, **fields)


def _three_more_people(script: Script) -> None:
    for record_id, first, city in ((ANN, "Ann", "Gent"), (ANNE, "Anne", "Brugge"), (GONE, "Gone", "Luik")):
        script.send(
            "create_record",
            object_type="contacts",
            record_id=record_id,
            properties={
                "firstname": first,
                "lastname": "Ó Briain",
                "email": f"{first.lower()}@obriain.example",
                "city": city,
            },
        )
    script.send("archive_record", object_type="contacts", record_id=GONE)


def _ids_and_types(script: Script) -> None:
    spent = script.send("create_record", object_type="contacts", record_id="304", properties={"firstname": "Once"})
    script.send("create_record", command_id=spent, object_type="contacts", record_id="305")  # COMMAND_ID_REUSED
    script.send("create_record", object_type="boats", record_id="1")  # UNKNOWN_OBJECT_TYPE
    script.send("create_record", object_type="courses", record_id="1")  # OBJECT_TYPE_NOT_ACTIVATED
    script.send("create_record", object_type="contacts", record_id=PRIMARY)  # ALREADY_EXISTS


def _merges(script: Script) -> None:
    _merge(script, ANN, "5001", secondary_object_type="companies")  # TYPE_MISMATCH
    _merge(script, ANN, ANN)  # SAME_RECORD
    _merge(script, ANN, "999999")  # NOT_FOUND
    _merge(script, PRIMARY, ANNE)  # ALREADY_MERGED
    _merge(script, CHAIN[0], CHAIN[1])  # ALREADY_MERGED, twelve merges ago.
    _merge(script, ANN, GONE)  # RECORD_ARCHIVED
    _merge(script, ANN, ANNE, result_id=RESULT)  # ALREADY_EXISTS
    _merge(script, "5001", "5010", object_type="companies")  # COMPANY_PARENT_CHILD
    script.send("mark_not_duplicates", object_type="contacts", record_ids=[ANN, ANNE])
    _merge(script, ANN, ANNE)  # MARKED_NOT_DUPLICATES
    _merge(script, ANN, ANNE, override_not_duplicates=True)  # REASON_REQUIRED
    script.send("unmark_not_duplicates", object_type="contacts", record_ids=[ANNE, ANN])
    guard = {"customer_number": {"type": "string", "must_match": True}}
    script.send("define_object_type", object_type="contacts", properties=guard)
    for record_id, number in ((ANN, "K-301"), (ANNE, "K-302")):
        script.send(
            "update_record", object_type="contacts", record_id=record_id, properties={"customer_number": number}
        )
    _merge(script, ANN, ANNE)  # MUST_MATCH
    script.send("update_record", object_type="contacts", record_id=ANNE, properties={"customer_number": None})


def _choices(script: Script) -> None:
    _merge(script, ANN, ANNE, choices={"favourite_colour": "primary"})  # UNKNOWN_PROPERTY
    _merge(script, ANN, ANNE, choices={"createdate": "secondary", "hs_object_id": "primary"})  # PROPERTY_NOT_CHOOSABLE
    _merge(script, ANN, ANNE, choices={"city": "Oostende"})  # VALUE_NOT_FROM_EITHER


def _sums(script: Script) -> None:
    for record_id in CRAWLERS:
        properties = {"lastname": "Crawler", "hs_analytics_num_page_views": 1e308}
        script.send("create_record", object_type="contacts", record_id=record_id, properties=properties)
    _merge(script, *CRAWLERS)  # SUM_OUT_OF_RANGE


def _tokens(script: Script) -> None:
    _merge(script, ANN, ANNE, preview_token="no-token")  # noqa: S106  no password; PREVIEW_TOKEN_INVALID
    _merge(script, ANN, ANNE, preview_token=STALE_TOKEN)  # VERSION_CONFLICT


def _others(script: Script) -> None:
    def update(**properties: object) -> None:
        script.send("update_record", object_type="contacts", record_id=ANN, properties=properties)

    update(hs_analytics_num_page_views="a lot")  # INVALID_PROPERTY
    update(hs_merged_object_ids="1;2")  # READ_ONLY_PROPERTY
    update(email="Anne@obriain.example")  # IDENTIFIER_IN_USE
    script.send(
        "define_segment",
        segment_id="since-2024",
        name="Since 2024",
        object_type="contacts",
        kind="active",
        filter_groups=[{"filters": [{"propertyName": "createdate", "operator": "GT", "value": "01/01/2024"}]}],
    )  # INVALID_FILTER
    script.send("add_to_segment", segment_id="customers", object_type="contacts", record_id=ANN)  # SEGMENT_IS_ACTIVE
    script.send(
        "remove_identifier", object_type="contacts", record_id=ANN, kind="email", value="ann@obriain.example"
    )  # NOT_ADDITIONAL
    script.send("recreate_record", object_type="contacts", record_id=ANNE)  # NOT_MERGED_AWAY
    script.send("unmerge_records", object_type="contacts", record_id=RESULT)  # UNMERGE_NOT_SUPPORTED
    script.send("unmerge_records", object_type="deals", record_id="30001")
    script.send("associate", object_type="contacts", record_id=ANN, to=ref("deals", "1"), labels=["owner"])  # NOT_FOUND
    for company, parent in (("5001", "5002"), ("5002", "5003")):  # HIERARCHY_CIRCLE, HAS_PARENT
        script.send(
            "associate", object_type="companies", record_id=company, to=ref("companies", parent), labels=["parent"]
        )
    script.send(
        "enroll", workflow_id="no-such-workflow", object_type="contacts", record_id=CHAIN_RESULTS[-1]
    )  # NOT_FOUND


def _in_the_small_account(script: Script) -> None:
    """Salesforce is installed there, and two records may have been in two merges together."""
    for object_type, record_ids in (("companies", ("n-1", "n-2")), ("contacts", ("n-3", "n-4", "n-5", "n-6", "n-7"))):
        for record_id in record_ids:
            script.send(
                "create_record",
                account=SMALL,
                object_type=object_type,
                record_id=record_id,
                properties={"name" if object_type == "companies" else "lastname": f"Ødegård {record_id}"},
            )
    _merge(script, "n-1", "n-2", object_type="companies", account=SMALL)  # COMPANY_SALESFORCE_BLOCK
    _merge(script, "n-3", "n-4", result_id="n-8", account=SMALL)
    _merge(script, "n-8", "n-5", result_id="n-9", account=SMALL)
    _merge(script, "n-9", "n-6", result_id="n-10", account=SMALL)
    _merge(script, "n-10", "n-7", account=SMALL)  # MERGE_LIMIT_EXCEEDED
