"""Encoder and decoder: what this page computes, draws, checks and moves."""
