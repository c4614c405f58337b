"""Evaluation: does a generator help a classifier, and does it collapse or copy?"""
