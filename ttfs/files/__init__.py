"""What reaches the disk and comes back: whole or not at all, and of strangers with care."""
