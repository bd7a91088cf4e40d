"""The encoders that are kept with a model."""

from ttfs.codes.contrast import OnOff
from ttfs.codes.encoding import Direct, Latency

Encoder = Latency | Direct | OnOff
