"""`python -m saw_edu.cli`."""

from saw_edu.cli import main

main()
