"""Attention scores: what this page computes, draws, checks and moves."""
