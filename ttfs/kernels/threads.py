"""Threads that share out the samples, neurons or numbers of a kernel.

A kernel that can be shared takes `first` and `last` at the end, and does that part of the work.
Each thread writes what no other writes, and sums are made in the order of the samples, so that
nothing depends on how many threads there are.

They are Python threads: kernels release the interpreter lock. A process that was forked,
which has none of its parent's threads, starts its own.
"""

import os
import threading
from collections import deque
from contextlib import contextmanager
from itertools import pairwise
from queue import SimpleQueue

import numba

WORTH = 2_000_000  # numbers read or written: fewer are done before another thread wakes


class Team:
    """Threads that wait for work, as many as were ever needed."""

    def __init__(self):
        self.tasks, self.size, self.starting = SimpleQueue(), 0, threading.Lock()

    def call(self, task, helpers):
        """Call some threads to help with a task."""
        if self.size < helpers:
            with self.starting:
                while self.size < helpers:
                    threading.Thread(target=self.serve, daemon=True).start()
                    self.size += 1
        for _ in range(helpers):
            self.tasks.put(task)

    def serve(self):
        """Help with one task after another."""
        while True:
            task = self.tasks.get()
            task.begun.put(None)
            task.help()
            task.ended.put(None)


class Task:
    """A function of `first` and `last`, and the parts of its range that no thread has begun."""

    def __init__(self, function, ends):
        self.function, self.parts, self.done = function, deque(pairwise(ends)), SimpleQueue()
        self.begun, self.ended = SimpleQueue(), SimpleQueue()  # by helpers

    def help(self):
        """Do parts until none is left."""
        while True:
            try:
                part = self.parts.popleft()
            except IndexError:
                return
            self.do(part)

    def do(self, part):
        """Do a part, and record that it is done or what went wrong."""
        error = None
        try:
            self.function(*part)
        except BaseException as wrong:
            error = wrong
        self.done.put(error)

    def call_off(self):
        """Leave all parts that no thread has begun, and wait until no helper is at work."""
        self.parts.clear()
        for _ in range(self.begun.qsize()):
            self.ended.get()


TEAM = Team()


def start_anew():
    """After a fork, forget the threads of the parent process."""
    global TEAM
    TEAM = Team()


if os.name == "posix":
    os.register_at_fork(after_in_child=start_anew)


def spread(function, count, work):
    """Do `function(first, last)` for all of `range(count)`, spread over threads.

    work: how many numbers are read or written in total; little work is left to this thread.
    """
    parts = 1 if is_little(work) else min(threads(), count)
    if parts < 2:
        function(0, count)
        return
    task = Task(function, [count * k // parts for k in range(parts + 1)])
    try:
        TEAM.call(task, parts - 1)
        task.help()
        errors = [task.done.get() for _ in range(parts)]
    except BaseException:  # Ctrl-C: whoever catches it may change what helpers would still write
        task.call_off()
        raise
    for error in errors:
        if error is not None:
            raise error


def threads():
    """How many threads share work: as many as Numba is set to use.

    Without the compiler, one: Python would run the others in turn, each with warnings of its own.
    """
    if numba.config.DISABLE_JIT:
        return 1
    try:
        numba.threading_layer()
    except ValueError:  # it has not been set, and asking would start threads of Numba's own
        return numba.config.NUMBA_NUM_THREADS
    return numba.get_num_threads()


def is_little(work):
    """Whether so few numbers are not worth waking a thread."""
    return work < WORTH


@contextmanager
def no_work_is_little():
    """A context in which all work that can be shared is."""
    global WORTH
    before, WORTH = WORTH, 0
    try:
        yield
    finally:
        WORTH = before
