"""What is trained in a comparison: a network, a scikit-learn estimator, or a loop of the user's."""
