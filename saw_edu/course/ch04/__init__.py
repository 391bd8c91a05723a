"""Chapter 4, two levels."""
