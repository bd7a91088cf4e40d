"""How fast the kernels are, compared with the limits of the machine."""
