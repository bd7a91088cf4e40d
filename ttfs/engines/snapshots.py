"""The memory of a simulator, and snapshots of it.

A snapshot records which circuit it belongs to, and whether it was changed.
"""

import struct
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from ttfs.engines.circuit import Circuit
from ttfs.engines.schedule import pooling
from ttfs.errors import InputError
from ttfs.kernels import queue as names
from ttfs.kernels import simulator_ramp, simulator_window
from ttfs.kernels.circuit import APART, SOURCE, WORD, Plan
from ttfs.network.buffers import aligned_zeros
from ttfs.network.psp import Windows


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Copies of a simulator's arrays, and the time to which it had run.

    circuit: digest of the circuit. seal: checksum of the rest. Kernels take array indices
    from a state, so a state that was changed by hand is refused.
    """

    state: Any
    reached: float
    circuit: bytes = b""
    seal: int = -1

    @classmethod
    def of(cls, state: Any, reached: float, circuit: bytes) -> "Snapshot":
        """A copy of a state."""
        kept = type(state)(*(array.copy() for array in state))
        return cls(kept, reached, circuit, seal_of(kept, reached))

    def check(self, state: Any, circuit: bytes) -> None:
        """Raise an error unless this can replace a state of a circuit."""
        if self.circuit != circuit:
            raise InputError(
                "this snapshot is of another circuit: of other weights, thresholds, delays,"
                " names, response, horizon, unit or precision"
            )
        pairs = list(zip(self.state, state, strict=True)) if type(self.state) is type(state) else []
        arrays = [isinstance(a, np.ndarray) for a, _ in pairs]
        if all(arrays) and pairs and self.state.spikes.dtype != state.spikes.dtype:
            raise InputError(
                f"this snapshot is of a stimulus in {self.state.spikes.dtype},"
                f" this simulator has one in {state.spikes.dtype}"
            )
        fits = pairs and all(arrays) and isinstance(self.reached, float)
        fits = fits and all(a.dtype == b.dtype and a.shape == b.shape for a, b in pairs)
        if not fits or seal_of(self.state, self.reached) != self.seal:
            raise InputError("this snapshot was changed after it was taken")


def seal_of(state: Any, reached: float) -> int:
    """A checksum that changes with any change of arrays of these shapes, except by accident."""
    found = zlib.crc32(struct.pack("<d", reached))
    for array in state:
        found = zlib.crc32(np.ascontiguousarray(array).data, found)
    return found


def make_memory(plan: Plan, dtype: np.dtype, response: Any) -> tuple[np.ndarray, ...]:
    """Memory for everything that changes, with times of one dtype; `parts` divides it up."""
    units, table = len(plan.owners), plan.projections
    waves = table[table[:, APART] > 0, SOURCE]
    queue = response.WAVES * (len(table) + int(plan.sizes[waves].sum())) + 1
    queue += len(plan.sizes) * (response is simulator_window)  # the beginnings of windows
    volts = aligned_zeros(response.VOLTS * units, plan.weights.dtype).reshape(-1, units)
    times = np.zeros((2, units + 1), dtype)
    whole = np.zeros((6, units + 1), np.int64)
    lines = 2 * len(plan.sizes) * (response is simulator_window)
    lists = lines + units // WORD + len(plan.sizes) + response.WAVES * len(table) + 4 * queue
    few = np.zeros(names.COUNTERS + names.SCRATCH + lists, np.int64)
    few[names.POPULATIONS], few[names.PROJECTIONS] = len(plan.sizes), len(table)
    memory = [volts, times, whole, few, np.zeros(queue + 1, dtype)]
    if response is simulator_ramp:
        memory.append(np.zeros(units + 1, dtype))
        if plan.rise < np.inf:
            sums = aligned_zeros(response.SUMS * units, plan.weights.dtype)
            memory.append(sums.reshape(-1, units))
    if response is simulator_window:
        memory.append(np.zeros((3, units + 1), dtype))
        memory.append(np.zeros(simulator_window.CODE + 2 * len(plan.sizes)))
        memory.append(np.zeros(units, plan.weights.dtype))
    return tuple(memory)


def set_windows(memory: tuple[np.ndarray, ...], circuit: Circuit) -> None:
    """Write the beginnings and ends of windows, and the initial potentials, to the memory."""
    told, biases = memory[-2:]
    psp, windows = circuit.psp, circuit.windows
    assert isinstance(psp, Windows)
    assert windows is not None
    windows = windows.copy()
    pools = pooling(circuit.projections)
    windows[0, [name in pools for name in circuit.names]] = np.inf
    told[:] = psp.length, psp.steps or 0, *windows.ravel()
    biases[:] = circuit.biases
