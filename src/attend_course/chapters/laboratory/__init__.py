"""The laboratory: the trained translator, open, with every part that can be changed."""
