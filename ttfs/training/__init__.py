"""Going round: batch by batch, epoch by epoch, with checkpoints."""
