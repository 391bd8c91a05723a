"""Write constraints.txt from what the running environment holds (`make pin`).

Every installed package is pinned but this one, pip, wheel, and torch's CUDA libraries. A local part such as `+cpu` is
cut off, so that the pin holds for every build of that version.
"""

import re
import subprocess
import sys
from pathlib import Path

HEADER = """\
# Every version that the course was tested with. Written by `make pin`; `make lab` and `make test` install from it.
# Python 3.11 on Linux runs all tests. The first version of this list was also installed on 3.13, where the library's
# tests passed, and resolved (not installed) on 3.12. Every package had a wheel, but labmaze, of the extra "ogbench",
# on 3.13. `overrides` is used by Python 3.11 only.
# soupsieve is kept below 3: later ones refuse Python 3.11.2, which is Debian 12's.
# Left open: what only Windows or macOS needs, and torch's CUDA libraries, which torch itself pins.
"""


def pins(frozen: str) -> list[str]:
    """Sorted `name==version` lines from `pip freeze`'s text; raises ValueError for a package that is not a release."""
    lines = []
    for line in frozen.splitlines():
        if not line or line.startswith(("#", "pip==", "wheel==", "nvidia-", "cuda-", "triton")):
            continue
        match = re.fullmatch(r"([A-Za-z0-9._-]+)==([^+\s]+)(\+\S+)?", line)
        if match is None:
            raise ValueError(f"{line!r} is not a released version. Install one from the index, then run this again.")
        lines.append(f"{match[1]}=={match[2]}")
    return sorted(lines, key=str.lower)


def main() -> None:
    """Freeze the environment of this interpreter into the repository's constraints.txt."""
    freeze = [sys.executable, "-m", "pip", "freeze", "--all", "--exclude-editable"]
    frozen = subprocess.run(freeze, check=True, capture_output=True, text=True).stdout
    path = Path(__file__).parent.parent / "constraints.txt"
    path.write_text(HEADER + "\n".join(pins(frozen)) + "\n", encoding="utf-8")
    print(f"{path.name}: {len(pins(frozen))} pins")


if __name__ == "__main__":
    main()
