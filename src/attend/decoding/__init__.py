"""From probabilities to a sentence: greedy, sampled, and beam search (section 6.1 of the paper)."""
