"""The weighted sum: what this page computes, draws, checks and moves."""
