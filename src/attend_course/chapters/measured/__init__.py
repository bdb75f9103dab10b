"""Measured beside others: what this page computes, draws, checks and moves."""
