"""Experiments whose results are recorded in `assets/`, each with the command that makes it again."""
