"""The command line as a whole; each command has tests of its own."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("argument", "said"), [("--help", "train"), ("--version", "saw-edu 0."), ("grade --help", "--deadline")]
)
def test_help_and_version_wait_for_no_torch(argument: str, said: str) -> None:
    program = f"""
import sys
sys.argv = ["saw-edu", *{argument.split()!r}]
from saw_edu.cli import main
try:
    main()
finally:
    print("torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert said in done.stdout
    assert done.stdout.rstrip().endswith("False"), "torch was imported"


def test_a_command_that_is_not_there_is_refused_with_the_list() -> None:
    done = subprocess.run([sys.executable, "-m", "saw_edu.cli", "trian"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "train" in done.stderr
