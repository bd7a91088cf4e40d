"""Compiled loops on plain arrays; arithmetic only. See `jit.py` for the flags."""
