"""The report on a clocked network, and what a training run saves of the network."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ttfs.clocked.evaluation import ClockedEvaluation
from ttfs.datasets.dataset import Dataset
from ttfs.files.versions import versions
from ttfs.formats.model_file import save
from ttfs.measures.cost import cost_of
from ttfs.network.network import Network


def measure(trainer: Any, stimuli: np.ndarray, data: Dataset) -> dict[str, Any]:
    """The report on a trained network, for a split of labelled data.

    The decision is made when all steps are over, so all spikes count. The products of a direct
    input are operations, too, counted once per sample.
    """
    found = trainer.evaluated(trainer.best, stimuli, data.labels)
    network = trainer.layers if trainer.network is None else trainer.network
    return report_on(network, found) | {"dataset": data.name, "split": data.split}


def report_on(network: Network, found: ClockedEvaluation) -> dict[str, Any]:
    """The report on a network that has been evaluated by firing rates."""
    both = dict.fromkeys(("total", "until_decision"), found.spikes_per_sample)
    operations = found.operations_per_sample + found.input_operations
    work = dict.fromkeys(("total", "until_decision"), operations)
    return {
        "accuracy": found.accuracy,
        "accuracy_lenient": found.accuracy_lenient,
        "accuracy_spiking": found.accuracy,
        "samples": found.samples,
        "ties": found.ties,
        "undecided": found.undecided,
        "decision_time_mean": float(found.rate.steps),
        "steps_to_decision": found.steps_to_decision,
        "unit": "step",
        "spikes_per_sample": both,
        "agreement": found.agreement,
        "spikes_per_hidden_neuron": found.spikes_per_hidden_neuron,
        "synaptic_operations_per_sample": work,
        "input_operations_per_sample": found.input_operations,
        "accuracy_by_step": found.by_step,
        "rate": asdict(found.rate),
        "network": repr(network),
        "versions": versions(),
    }


def keep(
    folder: Path, network: Network | None, stimuli: Any, recipe: Any, report: Any, log: Any
) -> None:
    """Add the cost of the parameters to the report, and write the model, if there is one.

    There is none for a network with votes, NeuNorm or signs of padded maps: what these have
    learned is kept in the checkpoint only.
    """
    if network is None:
        (folder / "model.npz").unlink(missing_ok=True)  # an earlier one has other weights
        log(
            "votes, NeuNorm and signs of padded maps do not fit into a model.npz, only the"
            " checkpoint has them"
        )
        return
    cost = asdict(cost_of(network, stimuli[:1]))
    names = "parameters", "footprint_bits", "weight_bits", "other_bits", "state_bits"
    report["cost"] = {name: cost[name] for name in names}
    save(folder / "model.npz", network, encoder=recipe.encoder, report=report)
