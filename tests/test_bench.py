"""The benchmark runs and prints its ratios; what they are is not asserted."""

import re

from typer.testing import CliRunner

from saw_edu.cli import app


def test_bench_prints_ratios() -> None:
    result = CliRunner().invoke(app, ["bench", "--quick"])
    assert result.exit_code == 0, result.output
    for agent in ("GCBC", "GCIVL", "HIQL", "SAW"):
        assert re.search(rf"^{agent}\s+\d+\s+\d+\.\d\d\s+\d+\.\d%$", result.output, re.MULTILINE)
    assert re.search(r"ratio: \d+ to 1", result.output)
