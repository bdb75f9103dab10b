"""The home page: the translator, in one line."""
