"""The film of the home page: one sentence from words to German, drawn from the translator."""
