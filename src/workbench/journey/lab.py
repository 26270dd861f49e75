"""Open JupyterLab on the migration's notebooks, without news pop-ups, speaking with kernels over a socket file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from workbench.journey.starter import notebooks_folder
from workbench.settings import Settings


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
        *arguments,
    ]


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
