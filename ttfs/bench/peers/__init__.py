"""Other simulators, on the same network and the same stimuli: how fast, and are spikes equal?

`python -m ttfs.bench.peers` measures, `python -m ttfs.bench.peers.exports` compares the first
spikes of exported networks.
"""
