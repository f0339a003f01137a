"""Signals on a token model: one module an idea, all fed by one pass over the logits."""
