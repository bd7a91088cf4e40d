"""`ttfs evaluate` for networks that represent values by firing rates."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ttfs.cli.runs import write_report
from ttfs.cli.subject import Subject, warn_lost
from ttfs.clocked.course import check
from ttfs.clocked.evaluation import evaluate
from ttfs.clocked.rate import rate_of
from ttfs.engines.batch import lost_share
from ttfs.files.versions import versions
from ttfs.measures.metrics import predict
from ttfs.network.psp import Windows


def evaluate_rates(subject: Subject, path: Path | None, **changed: Any) -> None:
    """Evaluate a network by the firing rates it was trained for.

    path: where to write a report. changed: fields of the rate that are to differ, as for `rate_of`.
    """
    network, data, told = subject.model.network, subject.data, subject.model.report
    rate = rate_of(told.get("rate"), **changed)
    check(network, rate)
    meant = rate if told.get("rate") is None else rate_of(told["rate"])
    if "biases" in told and rate != meant:
        print(
            f"ttfs: the biases of {subject.path} are meant for {meant.steps} steps, {meant.told()}",
            file=sys.stderr,
        )
    decisions = None
    if "rate" not in told or told.get("agreement") is not None:  # by windows it says the same
        decisions = predict(network, subject.stimuli)
    assert isinstance(network.psp, Windows)
    values = network.psp.values(subject.stimuli, 0)
    found = evaluate(network, values, data.labels, rate, decisions=decisions)
    if path:
        own = {"dataset": data.name, "split": data.split, "network": repr(network)}
        write_report(path, asdict(found) | own | {"versions": versions()})
    print(f"{network} on {data.name} {data.split}, by firing rates")
    print(found)
    if decisions is not None:
        print(f"  {'':21s} (those of the same network with single spikes)")
    warn_lost(lost_share(network, subject.stimuli))
