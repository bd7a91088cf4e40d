"""How fast it is, beside the limits of the machine."""
