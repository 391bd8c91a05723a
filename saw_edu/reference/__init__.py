"""What the authors' code gives, beside ours: agents, samplers, speed."""
