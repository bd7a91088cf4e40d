"""ONNX files as networks of spikes: what the reference of the format says, they say."""

import numpy as np
import pytest

import ttfs
from ttfs.errors import InputError, ModelFileError

onnx = pytest.importorskip("onnx", reason="onnx is not installed")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402
from onnx.reference import ReferenceEvaluator  # noqa: E402


def written(path, nodes, weights, shape):
    """A file of operations, given as (kind, inputs, output, attributes)."""
    made = [
        helper.make_node(kind, inputs, [output], name=f"{kind}_{k}", **told)
        for k, (kind, inputs, output, told) in enumerate(nodes)
    ]
    graph = helper.make_graph(
        made,
        "small",
        [helper.make_tensor_value_info("x", TensorProto.DOUBLE, ["N", *shape])],
        [helper.make_tensor_value_info(nodes[-1][2], TensorProto.DOUBLE, ["N", "M"])],
        [numpy_helper.from_array(np.asarray(a), name) for name, a in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    onnx.save(model, str(path))
    return path


def check(path, inputs):
    """Convert a file, and compare what it gives with what the reference says."""
    found = ttfs.convert(path, inputs, dtype=np.float64)
    record = ttfs.forward(found.network, found.times(inputs))
    (wanted,) = ReferenceEvaluator(str(path)).run(None, {"x": inputs})
    np.testing.assert_allclose(found.outputs(record.potential), wanted, rtol=0, atol=1e-11)
    return found


def test_a_residual_network_says_what_the_reference_says(tmp_path):
    rng = np.random.default_rng(0)
    weights = {
        "w1": rng.normal(0, 0.3, (6, 3, 3, 3)),
        "b1": rng.normal(0, 0.2, 6),
        "gain": rng.uniform(0.5, 1.5, 6),
        "offset": rng.normal(0, 0.2, 6),
        "mean": rng.normal(0, 0.2, 6),
        "variance": rng.uniform(0.5, 1.5, 6),
        "w2": rng.normal(0, 0.3, (6, 1, 3, 3)),
        "low": np.array(0.0),
        "high": np.array(6.0),
        "w3": rng.normal(0, 0.3, (7, 54)),
        "b3": rng.normal(0, 0.2, 7),
        "w4": rng.normal(0, 0.5, (7, 4)),
        "b4": rng.normal(0, 0.2, 4),
    }
    nodes = [
        ("Conv", ["x", "w1", "b1"], "a", {"pads": [1, 1, 1, 1]}),
        ("BatchNormalization", ["a", "gain", "offset", "mean", "variance"], "b", {}),
        ("Relu", ["b"], "c", {}),
        ("Conv", ["c", "w2"], "d", {"pads": [1, 1, 1, 1], "group": 6}),
        ("Add", ["d", "c"], "e", {}),
        ("Clip", ["e", "low", "high"], "f", {}),
        ("MaxPool", ["f"], "g", {"kernel_shape": [2, 2], "strides": [2, 2]}),
        ("Flatten", ["g"], "h", {}),
        ("Gemm", ["h", "w3", "b3"], "i", {"transB": 1}),
        ("Relu", ["i"], "j", {}),
        ("MatMul", ["j", "w4"], "k", {}),
        ("Add", ["k", "b4"], "y", {}),
    ]
    path = written(tmp_path / "a.onnx", nodes, weights, (3, 6, 6))
    found = check(path, rng.random((20, 3, 6, 6)))
    assert len(found.network.skips) == 1


def test_means_and_rows_say_what_the_reference_says(tmp_path):
    rng = np.random.default_rng(1)
    weights = {"w1": rng.normal(0, 0.4, (5, 2, 3, 3)), "w2": rng.normal(0, 0.5, (3, 5))}
    nodes = [
        ("Conv", ["x", "w1"], "a", {"strides": [2, 2]}),
        ("Relu", ["a"], "b", {}),
        ("GlobalAveragePool", ["b"], "c", {}),
        ("Flatten", ["c"], "d", {}),
        ("Gemm", ["d", "w2"], "y", {"transB": 1}),
    ]
    check(written(tmp_path / "a.onnx", nodes, weights, (2, 7, 7)), rng.random((20, 2, 7, 7)))
    rows = {"w1": rng.normal(0, 0.4, (8, 5)), "w2": rng.normal(0, 0.5, (5, 3))}
    nodes = [
        ("MatMul", ["x", "w1"], "a", {}),
        ("Relu", ["a"], "b", {}),
        ("MatMul", ["b", "w2"], "y", {}),
    ]
    check(written(tmp_path / "b.onnx", nodes, rows, (8,)), rng.random((20, 8)))


def test_what_cannot_be_converted_is_refused_by_name(tmp_path):
    rng, inputs = np.random.default_rng(2), np.ones((2, 4))
    weights = {"w": rng.normal(size=(4, 3))}
    nodes = [("MatMul", ["x", "w"], "a", {}), ("Sigmoid", ["a"], "y", {})]
    path = written(tmp_path / "a.onnx", nodes, weights, (4,))
    with pytest.raises(InputError, match=r"Sigmoid_1 \(Sigmoid\) cannot be converted"):
        ttfs.convert(path, inputs)
    nodes = [("MatMul", ["x", "w"], "y", {})]
    bad = written(tmp_path / "b.onnx", nodes, {"w": np.full((4, 3), np.nan)}, (4,))
    with pytest.raises(ModelFileError, match="w must be finite"):
        ttfs.convert(bad, inputs)
    with pytest.raises(InputError, match="a.onnx has layers of its own: omit '3'"):
        ttfs.convert(path, inputs, layers="3")
    (tmp_path / "c.onnx").write_bytes(b"no file")
    with pytest.raises(ModelFileError, match="is not an ONNX file"):
        ttfs.convert(tmp_path / "c.onnx", inputs)
    with pytest.raises(ModelFileError, match="there is no such file"):
        ttfs.convert(tmp_path / "d.onnx", inputs)
