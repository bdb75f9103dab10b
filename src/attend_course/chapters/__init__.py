"""The chapters: one folder each, with all that it computes, draws, checks and moves."""
