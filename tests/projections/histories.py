"""Layer: tests. A fixed history that touches every table of the read model."""

from typing import Final

from domain.language.commands import AnyCommand
from projections.running.runner import Projector
from tests.builders import (
    ACME,
    ACME_BV,
    ANA,
    ANN,
    ANNE,
    ANNIE,
    DEAL,
    active_segment,
    add_identifier,
    add_to_segment,
    archive,
    associate,
    configure,
    create,
    dissociate,
    enroll,
    link_sync,
    log_activity,
    log_playbook,
    merge,
    primary_company,
    restore,
    static_segment,
    submit_form,
    suppress,
    unenroll,
    update,
    where,
    workflow,
)

EVERYTHING: Final[tuple[AnyCommand, ...]] = (
    configure(merge_limit=100),
    create(ANN, email="ann@x.be", city="Gent", num_conversion_events=1),
    create(ANNE, email="anne@x.be", city="Brugge", num_conversion_events=2),
    create(ANA, email="ana@x.be", city="Gent"),
    create(ANNIE),
    create(ACME, domain="acme.be"),
    create(ACME_BV, domain="acme.nl"),
    create(DEAL),
    static_segment("list"),
    static_segment("other-list"),
    active_segment("in-Gent", where(city="Gent")),
    workflow("welcome"),
    add_to_segment("list", ANN),
    add_to_segment("other-list", ANNE),
    enroll("welcome", ANN),
    enroll("welcome", ANNE),
    enroll("welcome", ANA),
    unenroll("welcome", ANA),
    primary_company(ANN, ACME),
    primary_company(ANNE, ACME_BV),
    associate(ANN, DEAL, boss={"since": 2020}),
    associate(ANN, ANNE, "friend"),
    associate(ANNIE, DEAL, "partner"),
    dissociate(ANNIE, DEAL),
    log_activity("note-1", ANN, ANNE, subject="Hello"),
    log_activity("note-2", ANNE, DEAL),
    log_playbook("welcome-call", ANN),
    log_playbook("renewal", ANNE, "draft"),
    link_sync(ANN, "sf1"),
    link_sync(ANNE, "sf2"),
    suppress(ANNE, address="anne@x.be"),
    submit_form(usertoken="u1", email="anne@x.be"),
    add_identifier(ANN, "a@x.be"),
    merge(ANN, ANNE, reason="the same"),
    update(ANNE, city="Luik"),
    merge(ACME, ACME_BV),
    archive(ANA),
    restore(ANA),
    merge(ANN, ANA),  # Refused: it is merged away.
)  # fmt: skip


def digests(projector: Projector) -> dict[str, str | None]:
    """Digest every projection."""
    return {one.name: one.digest for one in projector.status(digests=True)}
