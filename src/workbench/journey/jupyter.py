"""Jupyter: Lab for people, and for headless runs kernels that are forked from one process, where a fork is sound."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from multiprocessing import forkserver
from multiprocessing.process import BaseProcess, parent_process
from pathlib import Path
from typing import Any

from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from workbench.journey.starter import notebooks_folder
from workbench.settings import Settings

CAN_FORK = sys.platform == "linux"
"""Elsewhere (macOS's frameworks do not bear a fork, Windows has none) a run starts each kernel from nothing."""
IMPORTED = (
    *(
        "workbench",
        "ipykernel.kernelapp",
        "ipykernel.ipkernel",
        "ipykernel.debugger",
        "ipywidgets",
        "altair",
        "duckdb",
        "numpy",
        "httpx",
    ),
    *("sqlalchemy", "sqlalchemy.dialects.sqlite", "jinja2", "mistune", "email_validator", "phonenumbers", "xlsxwriter"),
    *("cryptography.fernet", "rapidfuzz"),
)
"""What notebooks import and what starts no thread: Polars and pyarrow do, and with them a fork would not be sound."""


def warm_kernels() -> None:
    """Let the process that kernels are forked from begin with its imports, beside whatever the run does first."""
    if CAN_FORK:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(list(IMPORTED))
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy would start threads when it is imported
        os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")  # as the kernel's own specification has it
        forkserver.ensure_running()


class WarmKernels(AsyncKernelManager):
    """Starts kernels as ever, except that each is a fork."""

    def __init__(self, **words: Any) -> None:
        super().__init__(**words)
        if CAN_FORK:
            self.provisioner = _Forks(kernel_id=self.kernel_id, kernel_spec=self.kernel_spec, parent=self)


class _Forks(LocalProvisioner):
    """Starts a kernel as a fork instead of a new interpreter; all else is the parent's."""

    async def launch_kernel(self, cmd: list[str], **words: Any) -> Any:
        """Start the kernel that `cmd` describes."""
        where = words.get("cwd") or str(Path.cwd())
        arguments = cmd[cmd.index("-f") :]
        handle = _Handle(arguments, str(where), dict(words.get("env") or os.environ))
        self.process = handle  # type: ignore[assignment]
        self.pid, self.cwd = handle.pid, where
        return self.connection_info


class _Handle:
    """A forked kernel; it answers to what a provisioner asks of subprocess.Popen."""

    stdin = stdout = stderr = None

    def __init__(self, arguments: list[str], folder: str, environment: Mapping[str, str]) -> None:
        context = multiprocessing.get_context("forkserver")
        self.process: BaseProcess = context.Process(target=_serve, args=(arguments, folder, environment), daemon=True)
        self.process.start()

    @property
    def pid(self) -> int:
        """The kernel's process."""
        return self.process.pid or 0

    def poll(self) -> int | None:
        """Return how the kernel ended, or nothing while it lives."""
        return self.process.exitcode

    def wait(self) -> int | None:
        """Wait for the end and return it."""
        self.process.join()
        return self.process.exitcode

    def send_signal(self, number: int) -> None:
        """Signal the kernel, if it still is there."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask the kernel to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the kernel."""
        self.send_signal(signal.SIGKILL)


def _serve(arguments: list[str], folder: str, environment: Mapping[str, str]) -> None:
    """Be a kernel until asked to end, or until the run is gone."""
    os.setsid()
    os.environ.clear()
    os.environ.update(environment)
    os.environ.pop("JPY_PARENT_PID", None)  # the kernel would watch for the wrong process
    os.chdir(folder)
    threading.Thread(target=_end_with_the_run, daemon=True).start()
    from ipykernel.kernelapp import IPKernelApp  # noqa: PLC0415 - imported long ago where forks come from

    IPKernelApp.launch_instance(argv=arguments)


def _end_with_the_run() -> None:
    run = parent_process()
    assert run is not None
    run.join()
    os._exit(1)


def open_lab(settings: Settings, *arguments: str) -> int:
    """Run JupyterLab until it is closed and return its exit code."""
    return subprocess.call(lab_command(settings, *arguments), env=lab_environment(settings))  # noqa: S603


def lab_command(settings: Settings, *arguments: str) -> list[str]:
    """Return the command; a taken port is an error instead of another server's page."""
    return [
        sys.executable,
        "-m",
        "jupyter",
        "lab",
        f"--ServerApp.root_dir={notebooks_folder(settings)}",
        "--ServerApp.port_retries=0",
        "--KernelManager.transport=ipc",
        f"--ContentsManager.pre_save_hook={__name__}.{strip_outputs.__name__}",
        *arguments,
    ]


def strip_outputs(model: dict[str, Any], **_: Any) -> None:
    """Take out of a notebook, before Lab saves it, what its cells showed: values of patients do not get into git."""
    book = model["content"]
    if model["type"] != "notebook" or book is None:
        return
    book["metadata"].pop("widgets", None)
    book["metadata"]["language_info"] = {"name": "python"}
    for cell in book["cells"]:
        cell["metadata"] = {name: told for name, told in cell["metadata"].items() if name == "tags"}
        if cell["cell_type"] == "code":
            cell |= {"outputs": [], "execution_count": None}


def lab_environment(settings: Settings) -> dict[str, str]:
    """Return the environment in which Lab fetches no news and looks for no updates."""
    folder = settings.folder / "data" / "lab"
    settings_file = folder / "labconfig" / "default_setting_overrides.json"
    settings_file.parent.mkdir(parents=True, exist_ok=True)
    settings_file.write_text(
        json.dumps(
            {
                "@jupyterlab/apputils-extension:notification": {
                    "fetchNews": "false",
                    "checkForUpdates": False,
                    "doNotDisturbMode": True,
                },
            }
        ),
        "utf-8",
    )
    return {**os.environ, "JUPYTER_CONFIG_DIR": str(folder), "JUPYTER_PREFER_ENV_PATH": "1", "PATH": _path()}


def _path() -> str:
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
