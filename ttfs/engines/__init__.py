"""Running networks: whole batches at once, or event by event."""
