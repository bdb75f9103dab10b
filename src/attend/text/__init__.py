"""Text and files of pairs: byte pairs, corpora, streams."""
