"""Who saw what: exposure report, timeline, follow-up audience. Pure over the ledger."""
