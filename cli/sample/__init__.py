"""Layer: cli. Sample data: a seeded year in two made-up accounts, as the JSON lines that upstream systems would send.

The same seed gives the same bytes, so the demo can be run twice and its examples stay true. Every
line is readable; most commands are applied, and for each refusal code at least one is refused.
People, companies and addresses are invented; addresses end in `.example`, which leads nowhere.
"""
