"""Layer: cli. Sample, chapter 1: the accounts, their object types, segments and workflows."""

from typing import Final

from cli.sample.script import SMALL, Body, Script

STATIC_SEGMENTS: Final = {
    "spring-fair": "Visitors of the spring fair",
    "vip-dinner": "Guests of the VIP dinner",
    "newsletter-nl": "Nieuwsbrief",
    "newsletter-fr": "Lettre d'information",
    "price-list": "Gets the printed price list",
}
HAND_WORKFLOWS: Final = ("onboarding", "win-back")


def _one(name: str, operator: str, **rest: object) -> Body:
    return {"propertyName": name, "operator": operator, **rest}


def configure(script: Script) -> None:
    """Set up both accounts."""
    script.send(
        "configure_account",
        activated_object_types=["services"],
        subscriptions={"sales": "professional", "service": "professional", "marketing": "enterprise"},
        display_names={"companies": {"singular": "account", "plural": "accounts"}},
        actor="admin",
    )
    script.send(
        "define_object_type",
        object_type="vehicles",
        label="Vehicles",
        properties={
            "vin": {"type": "string", "unique": True},
            "mileage": {"type": "number", "rule": "max"},
            "first_registered": {"type": "datetime", "rule": "oldest"},
            "tags": {"type": "list", "rule": "union"},
        },
    )
    script.send(
        "define_object_type",
        object_type="contacts",
        properties={
            "loyalty_points": {"type": "number", "rule": "sum"},
            "interests": {"type": "list", "rule": "union"},
            "last_visit": {"type": "datetime", "rule": "most_recent"},
        },
    )
    script.send("configure_account", account=SMALL, salesforce_integration=True, merge_limit=2, actor="admin")
    _define_segments(script)
    _define_workflows(script)


def _define_segments(script: Script) -> None:
    for segment_id, name in STATIC_SEGMENTS.items():
        script.send("define_segment", segment_id=segment_id, name=name, object_type="contacts", kind="static")
    script.send(
        "define_segment", segment_id="key-accounts", name="Key accounts", object_type="companies", kind="static"
    )
    active: dict[str, tuple[str, list[list[Body]]]] = {
        "customers": ("Customers", [[_one("lifecyclestage", "EQ", value="customer")]]),
        "warm-leads": (
            "Leads that look around",
            [
                [
                    _one("lifecyclestage", "IN", values=["lead", "marketingqualifiedlead", "salesqualifiedlead"]),
                    _one("hs_analytics_num_page_views", "GTE", value=20),
                ]
            ],
        ),
        "merged": ("Made by a merge", [[_one("hs_merged_object_ids", "HAS_PROPERTY")]]),
        "no-phone": (
            "Belgians without a phone",
            [[_one("country", "EQ", value="Belgium"), _one("phone", "NOT_HAS_PROPERTY")]],
        ),
        "golf-or-cycling": (
            "Likes golf or cycling",
            [[_one("interests", "EQ", value="golf")], [_one("interests", "EQ", value="cycling")]],
        ),
    }
    for segment_id, (name, groups) in active.items():
        script.send(
            "define_segment",
            segment_id=segment_id,
            name=name,
            object_type="contacts",
            kind="active",
            filter_groups=[{"filters": filters} for filters in groups],
        )


def _define_workflows(script: Script) -> None:
    def define(workflow_id: str, name: str, *filters: Body, object_type: str = "contacts", allow: bool = False) -> None:
        script.send(
            "define_workflow",
            workflow_id=workflow_id,
            name=name,
            object_type=object_type,
            filter_groups=[{"filters": list(filters)}] if filters else None,
            allow_enrollment_from_merge=allow or None,
        )

    define("onboarding", "Onboarding")
    define("win-back", "Win back")
    define("welcome-customer", "Welcome, customer", _one("lifecyclestage", "EQ", value="customer"))
    define("upsell", "Offer an upgrade", _one("hs_analytics_num_page_views", "GTE", value=60), allow=True)
    define("big-deal", "Tell the board", _one("amount", "GT", value=100_000), object_type="deals")
