"""Chapter 20: make it fast, make it big, make it yours."""
