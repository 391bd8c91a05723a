"""Chapter 17, what SAW is made of."""
