"""Training as in section 5 of the paper: loss, plan, trainer, checkpoints."""
