"""Which slice is this? Deals: the road from a released dossier to a completed handover, and what guards it."""
