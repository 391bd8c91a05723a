"""Speed as ratios within one run: `saw-edu bench`."""
