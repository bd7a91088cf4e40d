"""How spike times change with weights and delays, and how errors are carried back to spikes."""

from ttfs.gradients.signals import Gradients, gradients

__all__ = ["Gradients", "gradients"]
