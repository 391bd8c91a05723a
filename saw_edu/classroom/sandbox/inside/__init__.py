"""What runs inside the sandbox. None of it knows an expected answer."""
