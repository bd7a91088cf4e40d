"""Sweeps: many trainings that differ in some of their settings, on the processes of Dask."""
