"""Does the generator help the classifier: the comparison, its intervals and its verdict."""
