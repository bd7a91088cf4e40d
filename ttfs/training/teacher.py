"""Distillation: a student learns from the outputs and the attention of a trained network.

For networks of single spikes and for clocked networks alike.
"""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from ttfs.checks import of_kind, positive
from ttfs.engines.batch import forward
from ttfs.errors import InputError
from ttfs.network.network import Network
from ttfs.optimizers import share as part
from ttfs.torch import functional, nn, torch
from ttfs.training.checkpoint import fingerprint
from ttfs.training.teachers import network_of


class Teacher:
    """A trained module from which another one, the student, learns in addition to labels.

    Parameters
    ----------
    module: a `torch.nn.Module` that gives (samples, classes) for the student's inputs,
        (samples, channels, height, width) or (samples, inputs); it does not learn. Or a
        `ttfs.Network` of single spikes, or the name of a model file, as `Spiking` gives them.
    share: share of the loss that is the distance from the teacher's outputs, both softened by
        `temperature` (Hinton et al. 2015, arXiv 1503.02531, section 2); labels give the rest.
    layers: {name of a module in the student: name of one in the teacher}; "blocks.0" is the
        student's first layer with the pools on top of it. The spatial attention of their maps
        should agree (Zagoruyko and Komodakis 2017, arXiv 1612.03928, section 3.1; for clocked
        students Hong et al. 2023, arXiv 2304.09101). Maps must be of the same size; the steps of
        a clock are averaged.
    attention: weight of the distance between attention maps in the loss.

    >>> teacher = Teacher(nn.Linear(4, 2), share=1.0)
    >>> maps = torch.rand(3, 4)
    >>> bool(teacher.loss(maps, teacher.module(maps), torch.tensor(0.0)) < 1e-6)
    True
    """

    def __init__(
        self,
        module: Any,
        *,
        share: float = 0.5,
        temperature: float = 3.0,
        layers: Mapping[str, str] | None = None,
        attention: float = 1.0,
    ):
        if isinstance(module, Network | str | os.PathLike):
            module = Spiking(network_of(module))
        wanted = "a torch.nn.Module, a Network or the name of a model file"
        of_kind(module, nn.Module, "Teacher(module=...)", wanted)
        self.module = module.eval()
        self.share = part(share, "Teacher(share=...)", all_of_it=True)
        self.temperature = positive(temperature, "Teacher(temperature=...)")
        self.attention = positive(attention, "Teacher(attention=...)", zero=True)
        names = "{name in the student: name in the teacher}"
        self.layers = dict(of_kind(layers or {}, Mapping, "Teacher(layers=...)", names))
        self.seen: dict[tuple[str, str], Any] = {}
        self._found(self.module, self.layers.values(), "teacher")

    def settings(self) -> tuple[Any, ...]:
        """All that decides what the teacher teaches, its weights included."""
        state = self.module.state_dict()
        arrays = (one.detach().cpu().double().numpy() for one in state.values())
        own = self.share, self.temperature, self.attention, sorted(self.layers.items())
        return (*own, repr(self.module), fingerprint(state, arrays))

    def watch(self, student: Any) -> None:
        """Keep the outputs of the named layers of a student from now on."""
        self._listen(student, self.layers, "student")

    def loss(self, maps: Any, outputs: Any, error: Any) -> Any:
        """The loss for a student to minimise, from its (samples, classes) outputs and own error."""
        told = self._told(maps)
        if told.shape != outputs.shape:
            raise InputError(
                f"a teacher with outputs {tuple(told.shape)} cannot teach a network with outputs"
                f" {tuple(outputs.shape)}"
            )
        soft = [functional.log_softmax(one / self.temperature, dim=1) for one in (outputs, told)]
        apart = functional.kl_div(*soft, reduction="batchmean", log_target=True)
        error = (1 - self.share) * error + self.share * self.temperature**2 * apart
        for own, other in self.layers.items():
            looks = [
                attention_of(self.seen["student", own], own),
                attention_of(self.seen["teacher", other], other),
            ]
            places = [look.shape[1] for look in looks]
            if places[0] != places[1]:
                raise InputError(
                    f"Teacher(layers=...): {own!r} of the student has {places[0]} places,"
                    f" {other!r} of the teacher {places[1]}; a block's pools belong to it"
                )
            far = looks[0] - looks[1]
            error = error + self.attention * far.square().sum(dim=1).mean()
        return error

    def _told(self, maps: Any) -> Any:
        """The teacher's outputs; those of its layers are kept in `seen`."""
        hooks = self._listen(self.module, self.layers.values(), "teacher")
        try:
            with torch.no_grad():
                told = self.module.to(maps.device)(maps)
        except (RuntimeError, TypeError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise InputError(
                f"the teacher does not take {tuple(maps.shape)} maps: {reason}"
            ) from None
        finally:  # the module is the user's, who may have other uses for it
            for hook in hooks:
                hook.remove()
        return of_kind(told, torch.Tensor, "the teacher's output", "a torch.Tensor").float()

    def _found(self, module: Any, names: Any, whose: str) -> dict[str, Any]:
        """The modules with these names."""
        known = dict(module.named_modules())
        for name in names:
            if name not in known:
                among = ", ".join(repr(one) for one in known if one)
                raise InputError(
                    f"Teacher(layers=...): the {whose} has no module {name!r}, only {among}"
                )
        return {name: known[name] for name in names}

    def _listen(self, module: Any, names: Any, whose: str) -> list[Any]:
        """Keep the outputs of modules with these names; return the hooks that do this."""

        def hook(name: str) -> Any:
            return lambda _module, _heard, said: self.seen.update({(whose, name): said})

        found = self._found(module, names, whose)
        return [part.register_forward_hook(hook(name)) for name, part in found.items()]


class Spiking(nn.Module):
    """A network of single spikes as a module: outputs are -t / softness of its spike times.

    network: its inputs are times in 0..1 that stand for values of 1 - t; 0 is silence.
    softness: in the network's unit of time; a silent output counts as firing at the horizon.

    >>> import ttfs
    >>> network = ttfs.Network(ttfs.Dense.of([[1.0, 2.0]], threshold=2.0), psp=ttfs.Ramp(), t_max=4)
    >>> Spiking(network, softness=1.0)(torch.tensor([[1.0]]))
    tensor([[-2., -1.]])
    """

    def __init__(self, network: Network, softness: float = 0.1):
        super().__init__()
        self.network, self.softness = network, positive(softness, "Spiking(softness=...)")
        for name, array in network.parameters().items():
            self.register_buffer(name, torch.from_numpy(array.copy()))

    def extra_repr(self) -> str:
        """What decides its outputs beside its weights."""
        return f"{self.network!r}, {self.network.layers!r}, softness={self.softness!r}"

    def forward(self, maps: Any) -> Any:
        """(samples, classes) outputs for (samples, channels, height, width) or flat values."""
        last = maps.permute(0, 2, 3, 1) if maps.ndim == 4 else maps
        shown = last.flatten(1).detach().cpu().float().numpy()
        spikes = forward(self.network, np.where(shown > 0, 1 - shown, np.float32(np.inf))).times[-1]
        return torch.from_numpy(np.minimum(spikes, self.network.t_max) / -self.softness).to(maps)


def teacher_from(given: Any) -> Teacher | None:
    """A `Teacher` of a network in PyTorch, for all that such a one can be made of."""
    if isinstance(given, list | tuple):
        if len(given) > 1:
            raise InputError(f"PyTorch trains a network with one teacher, got {len(given)}")
        given = given[0] if given else None
    return given if given is None or isinstance(given, Teacher) else Teacher(given)


def attention_of(said: Any, name: str = "it") -> Any:
    """(samples, places) attention at each place of (samples, channels, height, width) maps.

    Maps of (steps, samples, ...) are averaged over steps. Attention is the sum of squares over
    channels, scaled to a norm of 1 for each sample unless all is silent.

    >>> attention_of(torch.tensor([[[[3.0, 0.0]], [[0.0, 2.0]]]]))
    tensor([[0.9138, 0.4061]])
    """
    maps = said.float().mean(dim=0) if said.ndim == 5 else said.float()
    if maps.ndim != 4:
        raise InputError(f"attention needs maps: the output of {name} is {tuple(said.shape)}")
    return functional.normalize(maps.square().sum(dim=1).flatten(1), dim=1)
