"""Threads that share the samples, neurons or numbers of a kernel among them.

A kernel that can be shared ends with `first` and `last`, and does what is from one to the other.
Each thread writes what nobody else does, and sums are made in the order of the samples, so that
nothing depends on how many threads there are.

They are Python's: while a kernel runs, Python does not wait for it. A process that was forked,
which has none of its parent's threads, starts its own.
"""

import os
import threading
from collections import deque
from contextlib import contextmanager
from itertools import pairwise
from queue import SimpleQueue

import numba

WORTH = 16_000_000  # numbers read or written: fewer are done before another thread is awake


class Team:
    """Threads that wait for something to do, as many as were ever wanted."""

    def __init__(self):
        self.tasks, self.size, self.starting = SimpleQueue(), 0, threading.Lock()

    def call(self, task, helpers):
        """Have some threads help with a task."""
        if self.size < helpers:
            with self.starting:
                while self.size < helpers:
                    threading.Thread(target=self.serve, daemon=True).start()
                    self.size += 1
        for _ in range(helpers):
            self.tasks.put(task)

    def serve(self):
        """Help with one task after the other."""
        while True:
            self.tasks.get().help()


class Task:
    """A function of `first` and `last`, and the parts of its range that nobody has begun."""

    def __init__(self, function, ends):
        self.function, self.parts, self.done = function, deque(pairwise(ends)), SimpleQueue()

    def help(self):
        """Do parts until none is left."""
        while True:
            try:
                part = self.parts.popleft()
            except IndexError:
                return
            self.do(part)

    def do(self, part):
        """Do a part, and say when it is done or what has gone wrong."""
        error = None
        try:
            self.function(*part)
        except BaseException as wrong:
            error = wrong
        self.done.put(error)


TEAM = Team()


def start_anew():
    """Leave the threads to the process that has them."""
    global TEAM
    TEAM = Team()


if os.name == "posix":
    os.register_at_fork(after_in_child=start_anew)


def spread(function, count, work):
    """Do `function(first, last)` for all of `range(count)`, spread over threads.

    work: how many numbers are read or written in all; little work is left to this thread.
    """
    parts = 1 if is_little(work) else min(threads(), count)
    if parts < 2:
        function(0, count)
        return
    task = Task(function, [count * k // parts for k in range(parts + 1)])
    TEAM.call(task, parts - 1)
    task.help()
    errors = [task.done.get() for _ in range(parts)]
    for error in errors:
        if error is not None:
            raise error


def threads():
    """How many threads share work: as many as Numba was told that there shall be.

    Without the compiler one: Python would run the others in turn, each with warnings of its own.
    """
    if numba.config.DISABLE_JIT:
        return 1
    try:
        numba.threading_layer()
    except ValueError:  # nobody has told it, and to ask it would start threads of its own
        return numba.config.NUMBA_NUM_THREADS
    return numba.get_num_threads()


def is_little(work):
    """Whether so many numbers are not worth waking a thread."""
    return work < WORTH


@contextmanager
def no_work_is_little():
    """Meanwhile whatever can be shared is."""
    global WORTH
    before, WORTH = WORTH, 0
    try:
        yield
    finally:
        WORTH = before
