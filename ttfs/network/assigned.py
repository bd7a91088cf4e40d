"""Attributes of a network that cannot be assigned, and what users should do instead."""

MADE = "layers sizes shapes t_max seed dtype arrays packed_arrays latent_buffer delay_buffers"
MADE += " skips windows"
VIEWS = {"arrays", "packed_arrays", "latent_buffer", "weights", "latents"}
VIEWS |= {"delayed", "mapped", "delays", "delay_buffers", "latent_delays"}
CURES = dict.fromkeys(MADE.split(), "make a new Network") | {
    "weights": "write into real ones in place, as in network.weights[0][:] = ...; for binary ones"
    " change network.latents in place and call network.refresh",
    "latents": "change them in place, as in network.latents[0][:] = ..., and call network.refresh",
    "scales": "change them in place, as in network.scales[0] = ..., and call network.refresh",
    "delays": "for those that learn change network.latent_delays in place and call network.refresh",
    "latent_delays": "change them in place and call network.refresh",
    "delayed": "it follows from the layers; make a new Network",
    "mapped": "it follows from the layers; make a new Network",
    "biases": "change them in place, as in network.biases[0][:] = ...",
    "psp": "call network.respond",
}
