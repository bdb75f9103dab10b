"""Multi-head attention: what this page computes, draws, checks and moves."""
