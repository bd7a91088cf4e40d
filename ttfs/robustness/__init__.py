"""Robustness: certificates against moved spikes, attacks, and curves over perturbations."""

from ttfs.robustness.attack import Attack, attack
from ttfs.robustness.certificate import Certificate, certify
from ttfs.robustness.curves import Curve, curve
from ttfs.robustness.movement import Movement, movement
from ttfs.robustness.plain import plain

__all__ = ["Attack", "Certificate", "Curve", "Movement", "attack", "certify", "curve", "movement"]
__all__ += ["plain"]
