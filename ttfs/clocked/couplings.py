"""How spikes and analog values are coupled, as papers describe it; without PyTorch."""

from dataclasses import dataclass

from ttfs.errors import InputError

REPLACES = "output", "layers"
MASKS = "relu", "clip", "none"


@dataclass(frozen=True)
class Coupling:
    """How two branches are coupled, and where that is described.

    replace: "output": the branches run separately, and only the values of the outputs are replaced
    by those of the spikes; "layers": so are the values of each layer, so that analog values are
    never far from spikes. mask: where a hidden analog neuron has a derivative: "relu": above 0;
    "clip": between 0 and the threshold; "none": everywhere, straight through.
    """

    paper: str
    replace: str = "layers"
    mask: str = "relu"

    def __post_init__(self) -> None:
        for name, known in (("replace", REPLACES), ("mask", MASKS)):
            if getattr(self, name) not in known:
                wanted = " or ".join(map(repr, known))
                raise InputError(
                    f"Coupling({name}=...) must be {wanted}, got {getattr(self, name)!r}"
                )


COUPLINGS = {
    "proxy": Coupling("Kheradpisheh et al. 2022, arXiv 2109.13208", "output", "relu"),
    "tandem": Coupling("Wu et al. 2021, arXiv 1907.01167", "layers", "relu"),
    "snn2ann": Coupling("SNN2ANN, arXiv 2206.09449 (ReSU)", "layers", "relu"),
    "dsr": Coupling("Meng et al. 2022, arXiv 2205.00459", "layers", "clip"),
}
"""By name. Progressive tandem learning (Wu et al. 2020, arXiv 2007.01204) is "tandem" with
`ClockedTrainer(progressive=True)`."""
