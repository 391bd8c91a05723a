"""Where a recorded result comes from."""

from __future__ import annotations

import json
import platform
import subprocess
from datetime import date
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).resolve().parents[2]  # of the checkout, where the library runs from one


def write_provenance(folder: Path, command: str, **details: Any) -> None:
    """Write `provenance.json`: command, commit, date, machine and versions, and what else is given."""
    folder.mkdir(parents=True, exist_ok=True)
    content = {"command": command, **origin(), **details}
    (folder / "provenance.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def origin() -> dict[str, str]:
    """Commit, date, machine and versions of this process."""
    threads = torch.get_num_threads()
    machine = f"{platform.machine()} CPU, {threads} torch thread{'s' if threads > 1 else ''}"
    return {
        "commit": commit(),
        "date": date.today().isoformat(),
        "machine": f"{machine}, Python {platform.python_version()}",
        "torch": torch.__version__.split("+")[0],
    }


def commit(folder: Path | None = None) -> str:
    """A checkout's commit, with "-dirty" where files were changed since; "unknown" outside a checkout.

    Recorded results do not count as changes: they are what is being written. Without a folder, the checkout is that of
    the library that runs; not that of a project which only has it installed.
    """
    if folder is None and not (ROOT / ".git").exists():
        return "unknown"
    try:
        short, changed = (
            subprocess.run(command, cwd=folder or ROOT, capture_output=True, text=True, check=True).stdout.strip()
            for command in (
                ["git", "rev-parse", "--short", "HEAD"],
                ["git", "status", "--porcelain", "--untracked-files=no", "--", ".", ":(exclude)assets"],
            )
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{short}-dirty" if changed else short
