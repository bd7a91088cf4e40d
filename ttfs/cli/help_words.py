"""The longer texts of the help."""

DESCRIPTION = """\
Single-spike (time-to-first-spike) networks: every neuron fires at most once, and the time of
that spike is the message. Simulate them exactly, train them on an ordinary CPU, and look at
their spikes."""

EXAMPLES = """\
examples:
  ttfs train                                   a binary network on 8x8 digits, in seconds
  ttfs train --preset binary-mnist --seed 1    one bit for each weight, on MNIST
  ttfs train --dataset mine.npz --hidden 200   your own images or spike times, and labels
  ttfs sweep sweep.toml                        many trainings, on all cores
  ttfs compare runs/*                          runs side by side
  ttfs evaluate runs/digits-seed0/model.npz    on the test images of its data set
  ttfs plot runs/digits-seed0/model.npz --index 7
  ttfs view runs/digits-seed0/model.npz --index 7 --out page.html
  ttfs step runs/digits-seed0/model.npz --index 7
  ttfs robustness runs/digits-seed0/model.npz --radius 0.01 0.05
  ttfs train --from runs/digits-seed0/model.npz --dataset mine.npz --lr 1e-3
  ttfs convert weights.npz --layers 256-10 --calibrate mnist --out model.npz
  ttfs export model.npz model.nir              for other simulators; model.py for NEST

The first run of a command compiles for up to half a minute; `ttfs warmup` does that beforehand.

exit codes: 0 done, 2 an error, which one sentence explains, 130 stopped by Ctrl-C,
141 the reader of the output has closed it"""


SWEEP = """\
Train networks that differ in some settings, on all cores or on a Dask cluster (extra `sweep`).
Each trial is a run in a folder of its own. At the end come a table, sweep.csv, and pareto.png:
accuracy on held-out training data over operations or whatever else matters. A sweep that was
stopped goes on with the same command."""

PLAN = """\
FILE names options of `ttfs train`, those of all trials and those that vary:

  [base]
  dataset = "digits"
  epochs = 20
  [grid]                                           every combination
  hidden = [50, 100, 200]
  seed = [0, 1]

Other ways to vary them, in the place of [grid]:

  [random]                                         random draws
  n = 30
  [random.over]
  lr = { from = 0.05, to = 0.5, log = true }

  [search]                                         chosen by Optuna after earlier results
  n = 40
  objectives = ["accuracy", "operations"]          spikes, time, footprint, bits
  [search.over]
  layers = { from = 20, to = 300, depth = [1, 2] }
  weights = ["binary", "real"]"""

NEGATIVE = "neurons take back spikes that they fired too early, by negative ones"
