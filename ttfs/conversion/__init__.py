"""Conversion of networks of ReLUs that were trained elsewhere to networks of single spikes."""
