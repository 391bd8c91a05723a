"""Chapter 16, SAW."""
