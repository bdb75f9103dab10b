"""Queries, keys and values: what this page computes, draws, checks and moves."""
