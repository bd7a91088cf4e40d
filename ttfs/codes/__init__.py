"""How values become spike times, and how spike times become decisions."""
