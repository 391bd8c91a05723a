"""Chapter 18: OGBench from states."""
