"""Grading: run what students hand in, each notebook apart, and write who passed what."""
