"""Clocked modules with skips, frames, ordinary layers above, and weights that were converted."""

import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ttfs
from ttfs.clocked import METHODS, Rate, convert_to_rates, run
from ttfs.errors import InputError, RunError, ShapeError

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install 'ttfs[torch]'")
from ttfs.clocked.modules import Clocked  # noqa: E402
from ttfs.clocked.trainer import ClockedTrainer  # noqa: E402
from ttfs.training.teacher import Spiking, Teacher, attention_of, teacher_from  # noqa: E402
from ttfs.training.window_trainer import WindowTrainer  # noqa: E402

SEEDS = st.integers(0, 2**32 - 1)
RATE = Rate(4, pool="currents", initial=0.3)


def residual(rng=None):
    """A residual network: what a pool says is heard again, place by place, past a layer."""
    rng = np.random.default_rng(0) if rng is None else rng
    layers = [
        ttfs.Conv2d(4, 3, padding=1),
        ttfs.MinPool2d(2),
        ttfs.Conv2d(3, 3, padding=1),
        ttfs.Conv2d(4, 3, padding=1),
        ttfs.Dense(None, 5),
    ]
    skip = ttfs.Skip(2, 4, weight=rng.uniform(0.2, 1, 4))
    return ttfs.Network(*layers, psp=ttfs.Windows(), shape=(6, 4, 2), skips=[skip])


def with_projection(**told):
    """One whose projection hears below two layers, which halve the map."""
    layers = [
        ttfs.Conv2d(4, 3, padding=1),
        ttfs.Conv2d(6, 3, stride=2),
        ttfs.Conv2d(3, 1),
        ttfs.Dense(None, 5),
    ]
    first = np.random.default_rng(1).normal(size=(36, 3))
    skip = ttfs.Skip(1, 3, layer=ttfs.Conv2d(3, 3, stride=2, initial=first))
    return ttfs.Network(*layers, psp=ttfs.Windows(), shape=(7, 5, 2), skips=[skip], **told)


def maps_of(network, rng, samples=8):
    """Values, and the same as maps."""
    height, width, channels = network.shapes[0]
    values = rng.random((samples, height * width * channels))
    maps = torch.from_numpy(values).view(-1, height, width, channels).permute(0, 3, 1, 2)
    return values, maps


@given(SEEDS, st.booleans(), st.booleans())
def test_a_residual_module_does_what_its_folded_network_does(seed, normed, projected):
    rng = np.random.default_rng(seed)
    network = with_projection() if projected else residual(rng)
    norm = "batch" if normed else "none"
    module = Clocked(network, RATE, norm=norm, gain=1.5, seed=seed % 1000).double()
    values, _ = maps_of(network, rng)
    if normed:
        for _ in range(20):
            module.train()(maps_of(network, rng, 30)[1])
    found, wanted = module.course(values), run(module.folded(np.float64), values, RATE)
    different = [(found.counts[k] != wanted.counts[k]).any(axis=1) for k in found.counts]
    alike = ~np.any(different, axis=0)
    assert alike.mean() > 0.7
    np.testing.assert_allclose(found.outputs[:, alike], wanted.outputs[:, alike], atol=1e-9)


@pytest.mark.parametrize("norm", ["none", "batch"])
@pytest.mark.parametrize("settings", [{}, {"spiking": 2}, {"spiking": 1}])
@pytest.mark.parametrize("make", [residual, with_projection])
@pytest.mark.parametrize("frames", [False, True])
def test_gradients_are_those_of_the_smooth_network(norm, settings, make, frames):
    network, rng = make(), np.random.default_rng(0)
    module = Clocked(network, RATE, norm=norm, gain=1.5, **settings).double().train()
    maps = maps_of(network, rng)[1]
    if frames:
        maps = torch.stack([maps_of(network, rng)[1] for _ in range(4)])
    labels = torch.arange(8) % 5

    def loss():
        return torch.nn.functional.cross_entropy(3 * module(maps, smooth=True)[-1], labels)

    loss().backward()
    for value in module.parameters():
        flat, grads = value.data.view(-1), value.grad.view(-1)
        for j in rng.choice(len(flat), min(3, len(flat)), replace=False):
            before, sides = float(flat[j]), []
            for side in (1e-6, 0, -1e-6):
                flat[j] = before + side
                sides.append(float(loss().detach()))
            flat[j] = before
            above, below = (
                1e6 * (one - other) for one, other in zip(sides, sides[1:], strict=False)
            )
            if abs(above - below) < 1e-4:  # else a ReLU or a pool turns here
                slope = (above + below) / 2
                assert abs(slope - float(grads[j])) < 1e-6 + 1e-5 * abs(slope)


def test_frames_that_are_all_the_same_say_what_one_map_says():
    network, rng = residual(), np.random.default_rng(0)
    module = Clocked(network, RATE, gain=1.5).double()
    maps = maps_of(network, rng)[1]
    assert torch.allclose(module(maps), module(maps.expand(4, *maps.shape)))
    frames = torch.stack([maps, 0 * maps, 0 * maps, 0 * maps])
    assert not torch.allclose(module(maps), module(frames))
    with pytest.raises(ShapeError, match="maps for each step must be 4, got 3"):
        module(frames[:3])
    with pytest.raises(
        ShapeError, match=r"maps must be \(samples, 2, 6, 4\) with at least one sample, or"
    ):
        module(maps[:, :1])


def test_frames_are_evaluated_step_by_step():
    layers = ttfs.Conv2d(4, 3), ttfs.MinPool2d(2), ttfs.Dense(None, 20), ttfs.Dense(None, 3)
    network = ttfs.Network(*layers, psp=ttfs.Windows(), shape=(8, 8, 2))
    module = Clocked(network, RATE, norm="batch", spiking=1).eval()
    frames, labels = torch.rand(RATE.steps, 5, 2, 8, 8), np.arange(5) % 3
    found = module.evaluate(frames, labels)
    with torch.no_grad():
        outputs, said = module.told(frames)
    assert found.accuracy == (outputs[-1].argmax(dim=1).numpy() == labels).mean()
    assert found.spikes_per_sample == float(said[0].sum()) / 5
    still, same = frames[0], frames[:1].expand(frames.shape).contiguous()
    one, many = (module.evaluate(inputs, labels) for inputs in (still, same))
    assert many.spikes_per_sample == one.spikes_per_sample
    assert many.input_operations == RATE.steps * one.input_operations
    with pytest.raises(ShapeError, match=f"frames must be {RATE.steps}"):
        module.evaluate(frames[:2], labels)


def test_what_a_dense_layer_says_goes_past_maps_of_one_place():
    rng = np.random.default_rng(0)
    layers = ttfs.Dense(4, 4), ttfs.Conv2d(4, 1), ttfs.Conv2d(4, 1)
    network = ttfs.Network(*layers, psp=ttfs.Windows(), skips=[ttfs.Skip(1, 3)], shape=(1, 1, 4))
    module = Clocked(network, RATE, gain=2.0)
    values = rng.random((3, 4)).astype(np.float32)
    with torch.no_grad():
        outputs = module(torch.from_numpy(values))
    assert outputs.shape == (RATE.steps, 3, 4)
    np.testing.assert_allclose(run(module.folded(), values, RATE).outputs, outputs, atol=1e-5)


def test_layers_above_spikes_are_relus_of_their_means():
    network, rng = residual(), np.random.default_rng(0)
    module = Clocked(network, RATE, gain=1.5, spiking=2).double()
    values, maps = maps_of(network, rng)
    said = module.told(maps)[1]
    assert len(said) == 2
    first, second = (one.mean(dim=0) for one in said)
    third, last = module.blocks[2:]
    weights = torch.tensor(network.skips[0].weight)[:, None, None]
    hidden = torch.relu(third.currents(second) + weights * first)
    wanted = last.currents(hidden)
    assert torch.allclose(module(maps), wanted.expand(4, *wanted.shape))
    assert set(module.course(values).counts) == {2, 3}
    with pytest.raises(InputError, match="layers that do not fire"):
        module.folded()
    with pytest.raises(InputError, match=r"Clocked\(spiking=...\) must be at most 4, got 5"):
        Clocked(network, RATE, spiking=5)
    found = module.evaluate(values, np.arange(8) % 5)
    assert found.hidden == 3 * 2 * (4 + 3)


def test_what_the_input_says_past_layers_is_heard_above_spikes_from_any_step_on():
    layers = ttfs.Conv2d(3, (6, 4)), ttfs.Dense(3, 3), ttfs.Dense(3, 5)
    skips = [
        ttfs.Skip(1, 2),
        ttfs.Skip(0, 2, layer=ttfs.Conv2d(3, (6, 4), initial=np.ones((48, 3)))),
    ]
    network = ttfs.Network(*layers, psp=ttfs.Windows(), shape=(6, 4, 2), skips=skips)
    values, maps = maps_of(network, np.random.default_rng(0))
    for spiking in (1, 2, 3):
        rate = Rate(4, begin=1)
        module = Clocked(network, rate, gain=1.5, spiking=spiking).double()
        assert module(maps).isfinite().all()
    found, wanted = module.course(values), run(module.folded(np.float64), values, rate)
    np.testing.assert_allclose(found.outputs, wanted.outputs, atol=1e-9)


def relus(rng):
    """Layers that somebody has trained."""
    sizes = ((5, 30), (30, 20), (20, 3))
    layers = [
        ttfs.Dense.of(rng.normal(size=s) / 2, bias=0.2 * rng.normal(size=s[1])) for s in sizes
    ]
    return layers, rng.random((400, 5))


def test_weights_go_on_from_where_a_conversion_ends():
    layers, values = relus(np.random.default_rng(0))
    found, rate = convert_to_rates(layers, values, "local", 3)
    rate = Rate(3, pool="currents")
    module = Clocked(found.network, rate, learned=True).double()
    wanted = run(found.network, values, rate)
    course = module.course(values)
    alike = np.isclose(course.outputs, wanted.outputs, atol=1e-5).all(axis=(0, 2))
    assert alike.mean() > 0.99
    with pytest.raises(InputError, match="trained weights need norm='none'"):
        Clocked(found.network, rate, learned=True, norm="batch")
    residual_one = Clocked(with_projection(seed=3, dtype=np.float64), RATE, learned=True).double()
    values, _ = maps_of(residual_one.network, np.random.default_rng(0))
    told, other = residual_one.course(values), run(residual_one.network, values, RATE)
    np.testing.assert_allclose(told.outputs, other.outputs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("steps", [2, 3])
def test_few_steps_are_learned_from_what_a_conversion_leaves(steps):
    train, test = ttfs.datasets.digits()
    recipe = ttfs.presets.windows("digits", "40", batch_size=50, average=500, epochs=10)
    trainer = recipe.trainer(recipe.network((8, 8), 10, 0), 0)
    times, tests = recipe.encoder(train.images), recipe.encoder(test.images)
    trainer.fit(times, train.labels, epochs=recipe.epochs)
    relus, values = trainer.relus(trainer.best).folded(), 1 - np.minimum(times, 1)
    found, rate = convert_to_rates(relus, values, "max", steps)
    told = {"norm": "none", "learned": True, "batch_size": 50}
    rule, optimizer = ttfs.rules.Windows(tau=1.0), ttfs.Adam(lr=ttfs.Cosine(2e-3))
    tuned = ClockedTrainer(found.network, rule, optimizer, rate, **told)
    before = tuned.evaluated(tuned.module(times).state_dict(), tests, test.labels).accuracy
    tuned.fit(times, train.labels, epochs=8)
    after = tuned.evaluated(tuned.best, tests, test.labels).accuracy
    assert after > before
    assert after > 0.95
    assert METHODS["max"].rates(steps) == rate


# Teachers


@pytest.mark.parametrize("clocked", [False, True])
def test_a_student_learns_from_a_teacher_what_labels_do_not_say(clocked):
    train, test = ttfs.datasets.digits()
    told = {"batch_size": 50, "average": 500, "epochs": 10}
    recipe = ttfs.presets.windows("digits", "8C3-P2-32", **told)
    trainer = recipe.trainer(recipe.network((8, 8), 10, 0), 0)
    times = recipe.encoder(train.images)
    trainer.fit(times, train.labels, epochs=recipe.epochs)
    relus = trainer.relus(trainer.best)

    class Logits(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.relus = relus

        def forward(self, maps):
            return self.relus(maps)[0]

    teacher = Teacher(Logits(), share=1.0, layers={"blocks.0": "relus.blocks.0"})
    wrong = np.roll(train.labels, 1)  # which say nothing
    if clocked:
        rate = Rate(4, pool="currents")
        recipe = ttfs.presets.clocked("digits", "8C3-P2-32", rate=rate, **told)
        network = recipe.network((8, 8), 10, 1)
        own = {"rate": rate, "muon": recipe.muon}
    else:
        network = recipe.network((8, 8), 10, 1)
        own = {"muon": recipe.muon}
    kind = ClockedTrainer if clocked else WindowTrainer
    settings = {"batch_size": 50, "average": 500, "validation": 0, "teacher": teacher}
    student = kind(network, recipe.rule, recipe.optimizer, **own, **settings)
    student.fit(times, wrong, epochs=10)
    tests = recipe.encoder(test.images)
    if clocked:
        found = student.evaluated(student.best, tests, test.labels).accuracy
    else:
        found = ttfs.evaluate(student.network, tests, test.labels).accuracy
    assert found > 0.9


def test_trainings_with_other_teachers_skips_or_weights_are_others(tmp_path):
    train, _ = ttfs.datasets.digits()
    times, labels = 1 - train.images[:100], train.labels[:100]
    path = tmp_path / "checkpoint.npz"

    def fit(resume=False, teacher=None, skip=None, seed=0, **told):
        layers = ttfs.Dense(64, 12), ttfs.Dense(12, 12), ttfs.Dense(12, 10)
        skips = [] if skip is None else [skip]
        network = ttfs.Network(*layers, psp=ttfs.Windows(), skips=skips, seed=seed)
        rule, optimizer = ttfs.rules.Windows(tau=1.0), ttfs.Adam()
        told = {"norm": "none", **told}
        trainer = ClockedTrainer(network, rule, optimizer, RATE, teacher=teacher, **told)
        trainer.fit(times, labels, epochs=1, checkpoint=path, resume=resume)

    generator = torch.Generator().manual_seed(0)
    one, other = torch.nn.Linear(64, 10), torch.nn.Linear(64, 10)
    scaled = torch.nn.Linear(64, 10)
    scaled.scale = torch.nn.Parameter(torch.tensor(1.0))
    for module in (one, other):
        torch.nn.init.normal_(module.weight, generator=generator)
    rescaled = copy.deepcopy(scaled)
    with torch.no_grad():
        rescaled.scale.fill_(-5.0)
    kinds = [
        {},
        {"teacher": Teacher(one)},
        {"teacher": Teacher(one, share=0.9)},
        {"teacher": Teacher(other)},
        {"teacher": Teacher(scaled)},
        {"teacher": Teacher(rescaled)},
        {"skip": ttfs.Skip(1, 2)},
        {"skip": ttfs.Skip(1, 2, weight=0.5)},
        {"learned": True},
        {"learned": True, "seed": 1},
    ]
    for k, kind in enumerate(kinds):
        path.unlink(missing_ok=True)
        fit(**kind)
        fit(resume=True, **kind)
        for j, different in enumerate(kinds):
            if j != k:
                with pytest.raises(RunError, match="belongs to a run with other"):
                    fit(resume=True, **different)


def test_the_loss_of_a_teacher_is_that_of_its_definition():
    rng = torch.Generator().manual_seed(0)
    module = torch.nn.Linear(5, 3)
    maps, outputs = torch.rand(4, 5, generator=rng), torch.randn(4, 3, generator=rng)
    teacher = Teacher(module, share=0.25, temperature=2.0)
    p, q = (torch.softmax(one / 2, dim=1) for one in (module(maps), outputs))
    wanted = 0.75 * 1.5 + 0.25 * 4 * (p * (p / q).log()).sum(dim=1).mean()
    assert torch.allclose(teacher.loss(maps, outputs, torch.tensor(1.5)), wanted)


def test_a_teacher_is_left_as_it_was_and_may_be_copied():
    module = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3), torch.nn.Flatten(), torch.nn.Linear(144, 3)
    )
    teacher = copy.deepcopy(Teacher(module, layers={"0": "0"}))
    student = copy.deepcopy(module)
    teacher.watch(student)
    maps = torch.rand(2, 1, 8, 8)
    error = teacher.loss(maps, student(maps), torch.tensor(0.0))
    assert abs(float(error.detach())) < 1e-6
    for one in (module, teacher.module):
        assert not any(part._forward_hooks for part in one.modules())


def test_teachers_that_do_not_fit_are_refused():
    module = torch.nn.Linear(5, 3)
    with pytest.raises(InputError, match="the teacher does not take .4, 7. maps"):
        Teacher(module).loss(torch.rand(4, 7), torch.rand(4, 3), torch.tensor(0.0))
    with pytest.raises(InputError, match=r"Teacher\(layers=...\) must be {name in the student"):
        Teacher(module, layers="ab")
    conv = torch.nn.Sequential(torch.nn.Conv2d(1, 1, 1), torch.nn.MaxPool2d(2))
    teacher = Teacher(conv, layers={"0": "1"})
    student = torch.nn.Conv2d(1, 1, 1)
    teacher.watch(torch.nn.Sequential(student))
    said = student(torch.rand(2, 1, 4, 4))
    teacher.seen["student", "0"] = said
    teacher.module.append(torch.nn.Flatten())
    with pytest.raises(InputError, match="16 places, '1' of the teacher 4"):
        teacher.loss(torch.rand(2, 1, 4, 4), torch.rand(2, 4), torch.tensor(0.0))
    with pytest.raises(
        InputError, match="a teacher with outputs .4, 3. cannot teach a network with outputs"
    ):
        Teacher(module).loss(torch.rand(4, 5), torch.rand(4, 2), torch.tensor(0.0))
    with pytest.raises(InputError, match="the teacher has no module 'x'"):
        Teacher(module, layers={"blocks.0": "x"})
    with pytest.raises(InputError, match="the student has no module 'y'"):
        Teacher(module, layers={"y": ""}).watch(module)
    with pytest.raises(InputError, match=r"Teacher\(module=...\) must be a torch.nn.Module"):
        Teacher(lambda maps: maps)
    with pytest.raises(InputError, match=r"Teacher\(share=...\)"):
        Teacher(module, share=1.5)
    with pytest.raises(InputError, match="attention needs maps"):
        attention_of(torch.zeros(3, 4))
    network = ttfs.Network(ttfs.Dense(4, 3), psp=ttfs.Windows())
    rule, optimizer = ttfs.rules.Windows(tau=1.0), ttfs.Adam()
    own = Teacher(module, layers={"blocks.0": ""})
    with pytest.raises(
        InputError, match=r"Teacher\(layers=...\) is for students without a coupling"
    ):
        ClockedTrainer(network, rule, optimizer, RATE, coupling="dsr", teacher=own)
    with pytest.raises(InputError, match=r"ClockedTrainer\(teacher=...\) must be a Teacher"):
        ClockedTrainer(network, rule, optimizer, RATE, teacher=module)


def spiking(*, inputs=3, outputs=2):
    weights = np.random.default_rng(0).uniform(-1, 4, (inputs, outputs)) / inputs
    return ttfs.Network(ttfs.Dense.of(weights, threshold=1.0), psp=ttfs.Ramp(), t_max=4)


def test_a_network_of_single_spikes_teaches_what_it_decides(tmp_path):
    network = spiking()
    times = np.array([[0.0, 0.25, np.inf], [0.5, 1.0, 0.75]], np.float32)
    module = Spiking(network, softness=0.5)
    shown = torch.from_numpy(np.maximum(1 - times, 0))
    silent = times == 1.0  # as a value of 0, which is silence
    last = np.minimum(ttfs.forward(network, np.where(silent, np.inf, times)).times[-1], 4)
    assert module(shown).tolist() == (last / -0.5).tolist()
    maps = shown.reshape(2, 1, 3, 1).permute(0, 3, 1, 2)  # (samples, channels, height, width)
    assert torch.equal(module(maps), module(shown))

    ttfs.save(tmp_path / "one.npz", network)
    ways = Teacher(network), teacher_from(network), teacher_from([tmp_path / "one.npz"])
    assert all(way.settings() == ways[0].settings() for way in ways)
    assert teacher_from(None) is None
    assert teacher_from([]) is None
    assert Teacher(spiking(outputs=4)).settings() != ways[0].settings()
    with pytest.raises(InputError, match="one teacher, got 2"):
        teacher_from([network, network])
    with pytest.raises(InputError, match="does not take"):
        Teacher(spiking(inputs=5)).loss(shown, module(shown), torch.tensor(0.0))
