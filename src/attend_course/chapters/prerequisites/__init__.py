"""Before you begin: what this page computes, draws, checks and moves."""
