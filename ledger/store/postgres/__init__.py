"""Layer: ledger. The store on PostgreSQL: several writers, one lock per append."""
