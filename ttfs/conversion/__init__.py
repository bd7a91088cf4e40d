"""Networks of ReLUs that were trained elsewhere as networks of single spikes."""
