"""Robustness: certificates against moved spikes, attacks, and curves over perturbations."""

from ttfs.robustness.certificate import Certificate, certify

__all__ = ["Certificate", "certify"]
