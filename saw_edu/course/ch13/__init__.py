"""Chapter 13, skills without rewards."""
