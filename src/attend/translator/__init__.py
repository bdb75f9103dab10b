"""The translator that ships: English to German, on NumPy alone."""
