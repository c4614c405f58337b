"""The ways to train the classifier that are compared: their grammar, and what they are made of."""
