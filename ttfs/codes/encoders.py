"""The encoders that can be saved with a model."""

from ttfs.codes.contrast import OnOff
from ttfs.codes.encoding import Direct, Latency
from ttfs.codes.spike_times import SpikeTimes

Encoder = Latency | Direct | OnOff | SpikeTimes
