"""The widget in JupyterLab itself: a spike is chosen with the mouse, and a cell reads it."""

import json
import os
import socket
import subprocess
import sys
from contextlib import closing
from importlib.util import find_spec
from time import sleep
from urllib.request import urlopen

import pytest
from cases_viewer import real

pytestmark = pytest.mark.long
CELLS = (
    "import numpy as np, ttfs\n"
    "layers = [ttfs.Dense(16, 12, weights=ttfs.Real(init=(-0.4, 1)), threshold=1.3, delay=0.7),\n"
    "          ttfs.Dense(12, 4, weights=ttfs.Real(init=(-0.4, 1)), threshold=1.1, delay=0.3)]\n"
    "network = ttfs.Network(*layers, t_max=40, seed=3)\n"
    "times = np.random.default_rng(1).uniform(0, 30, 16).astype(np.float32)\n"
    "times[5:7] = np.inf\n"
    "shown = ttfs.viewer.widget(ttfs.Simulator(network, times))\n"
    "shown",
    "print('read', shown.chosen['layer'], shown.chosen['neuron'], shown.chosen['time'])",
)
PATIENCE = 120  # seconds in which a server or a kernel has begun


@pytest.fixture
def lab(tmp_path):
    """The address of a JupyterLab that has a notebook with CELLS."""
    for package in ("jupyterlab", "anywidget", "ipykernel"):
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    cells = [
        {"cell_type": "code", "id": f"cell{k}", "source": source, "metadata": {}, "outputs": [],
         "execution_count": None}
        for k, source in enumerate(CELLS)
    ]  # fmt: skip
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4}
    (tmp_path / "one.ipynb").write_text(json.dumps(notebook | {"nbformat_minor": 5}))
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}"]
    command += [
        "--IdentityProvider.token=",
        "--ServerApp.port_retries=0",
        f"--notebook-dir={tmp_path}",
    ]
    own = {name: str(tmp_path / name) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR")}
    address = f"http://127.0.0.1:{port}"
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | own)
    try:
        for _ in range(PATIENCE):
            try:
                urlopen(f"{address}/api").close()
                break
            except OSError:
                assert server.poll() is None, (tmp_path / "log").read_text()
                sleep(1)
        yield f"{address}/lab/tree/one.ipynb"
    finally:
        server.terminate()
        server.wait(30)


def test_a_cell_reads_the_spike_that_was_clicked(browser, lab):
    simulator = real()
    simulator.run()
    neuron = int(simulator.times("hidden").argmin())
    tab = browser.new_page(viewport={"width": 1500, "height": 1400})
    tab.set_default_timeout(1000 * PATIENCE)
    tab.goto(lab)
    tab.locator(".jp-Cell .cm-content").first.click()
    tab.wait_for_selector('.jp-Notebook-ExecutionIndicator[data-status="idle"]')
    tab.keyboard.press("Shift+Enter")
    frame = tab.frame_locator(".jp-OutputArea iframe")
    raster = frame.locator("#raster")
    raster.scroll_into_view_if_needed()
    place = raster.evaluate("(_, j) => [plot.x(firedAt(1, j)), rowOf(1, j)]", neuron)
    raster.click(position={"x": place[0], "y": place[1]})
    tab.locator(".jp-Cell .cm-content").nth(1).click()
    tab.keyboard.press("Shift+Enter")
    said = tab.locator(".jp-OutputArea-output pre", has_text="read").inner_text()
    _, layer, index, time = said.split()
    assert (layer, int(index)) == ("hidden", neuron)
    assert float(time) == simulator.times("hidden")[neuron]
    tab.close()
