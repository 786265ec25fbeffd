"""How does a disclosure advance? One module per noun: lock the deal, decide, write, record, in one unit of work."""
