"""The trust boundary: what runs a student's code, and what is believed of what comes out."""
