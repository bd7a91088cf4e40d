"""Training: batch by batch, epoch by epoch, with checkpoints."""
