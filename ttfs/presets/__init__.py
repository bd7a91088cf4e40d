"""Named, complete training recipes, and variations of them."""

from ttfs.presets.clocked_recipe import ClockedRecipe, clocked
from ttfs.presets.recipe import Recipe, deep, exact, stack, with_hidden, with_kind, with_layers
from ttfs.presets.table import PRESETS, for_dataset, for_layers, name_of, preset
from ttfs.presets.tuning import with_network, with_teacher
from ttfs.presets.window_recipe import WindowRecipe, windows

__all__ = [
    "PRESETS",
    "ClockedRecipe",
    "Recipe",
    "WindowRecipe",
    "clocked",
    "deep",
    "exact",
    "for_dataset",
    "for_layers",
    "name_of",
    "preset",
    "stack",
    "windows",
    "with_hidden",
    "with_kind",
    "with_layers",
    "with_network",
    "with_teacher",
]
