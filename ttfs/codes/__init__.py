"""How values become spike times, and spike times decisions."""
