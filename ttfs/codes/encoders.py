"""The encoders that can be saved with a model."""

from ttfs.codes.contrast import OnOff
from ttfs.codes.encoding import Direct, Latency

Encoder = Latency | Direct | OnOff
