"""How spikes go through networks: batches at once, or event by event."""
