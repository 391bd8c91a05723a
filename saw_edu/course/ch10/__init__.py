"""Chapter 10: fast and slow."""
