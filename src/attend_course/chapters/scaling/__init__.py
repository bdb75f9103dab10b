"""Scaling and softmax: what this page computes, draws, checks and moves."""
