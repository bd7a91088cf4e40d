import pytest

import ttfs
from ttfs import Conv2d, Dense, MinPool2d
from ttfs.errors import InputError, TTFSError
from ttfs.network.notation import layers_of, notation_of


@pytest.mark.parametrize(
    ("notation", "layers"),
    [
        ("256", [Dense(None, 256)]),
        ("400-200", [Dense(None, 400), Dense(None, 200)]),
        ("24C5-P2", [Conv2d(24, 5), MinPool2d(2)]),
        ("24C5s2p1", [Conv2d(24, 5, stride=2, padding=1)]),
        ("24C5p2", [Conv2d(24, 5, padding=2)]),
        ("8C3x5s1x2p1x0", [Conv2d(8, (3, 5), stride=(1, 2), padding=(1, 0))]),
        ("P3s2p1", [MinPool2d(3, stride=2, padding=1)]),
        ("P2x1", [MinPool2d((2, 1))]),
    ],
)
def test_layers_are_read_as_papers_write_them_and_written_the_same(notation, layers):
    assert layers_of(notation) == tuple(layers)
    assert notation_of(layers_of(notation)) == notation


def test_settings_are_those_of_the_layers_that_have_weights():
    binary = ttfs.Binary(scale=2)
    first, pool, last = layers_of("4C3-P2-9", weights=binary, threshold=1.0, delay=0.5)
    assert first == Conv2d(4, 3, weights=binary, threshold=1.0, delay=0.5)
    assert pool == MinPool2d(2)
    assert last == Dense(None, 9, weights=binary, threshold=1.0, delay=0.5)


def test_what_is_read_fits_into_a_network():
    network = ttfs.Network(*layers_of("4C3-P2-9-3"), shape=(8, 8, 1))
    assert network.shapes == ((8, 8, 1), (6, 6, 4), (3, 3, 4), (1, 1, 9), (1, 1, 3))


@pytest.mark.parametrize(
    ("notation", "message"),
    [
        (
            "24C",
            r"layers '24C': '24C' is not a layer: the size of its window is missing, as in 24C5",
        ),
        ("8C3-C5", "'C5' is not a layer: its number of channels is missing, as in 24C5"),
        ("P", "'P' is not a layer: the size of its window is missing, as in P2"),
        ("24P2", "'24P2' is not a layer: a pool has the channels of the layer below, as in P2"),
        ("24c5", r"'24c5' is not a layer; did you mean 24C5\?"),
        ("p2", r"'p2' is not a layer; did you mean P2\?"),
        ("", "layers '': a layer is missing; write 256 for neurons, 24C5 for"),
        ("24C5--P2", "a layer is missing"),
        ("24C5-", "a layer is missing"),
        ("24C5 - P2", "'24C5 ' is not a layer; write"),
        ("-5", "a layer is missing"),
        ("3x3", "'3x3' is not a layer; write"),
        ("24C5p1s2", "'24C5p1s2' is not a layer; write"),
        ("24C5x", "'24C5x' is not a layer"),
        ("1.5", "'1.5' is not a layer"),
        ("9" * 5000, "'9999.* is not a layer; write"),
        ("٣", "is not a layer; write"),
        ("P0", r"P0: MinPool2d\(kernel_size=...\) must be a whole number, 1 or more; got 0"),
        ("0C5", r"0C5: Conv2d\(out_channels=...\) must be a whole number, 1 or more; got 0"),
        ("24C5s0", r"24C5s0: Conv2d\(stride=...\) must be a whole number, 1 or more; got 0"),
        ("0", r"0: Dense\(outputs=...\) must be a whole number, 1 or more; got 0"),
        (5, "layers must be a string such as '24C5-P2-256', got 5"),
    ],
)
def test_what_is_no_layer_is_refused_with_a_hint(notation, message):
    with pytest.raises(InputError, match=message):
        layers_of(notation)


@pytest.mark.parametrize("notation", ["4C9", "4C3-P7", "4C3-P2-4C3-P2"])
def test_windows_larger_than_the_image_are_refused_by_the_network(notation):
    with pytest.raises(TTFSError, match=r"layer \d.*a window of \d x \d is larger than the map"):
        ttfs.Network(*layers_of(notation), Dense(None, 3), shape=(6, 6, 1))
