"""How spike times change with weights and delays, and what a loss says to each spike."""

from ttfs.gradients.signals import Gradients, gradients

__all__ = ["Gradients", "gradients"]
