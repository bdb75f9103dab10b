"""Chapter 9: looking inside a trained translator, and what cannot be seen there."""
