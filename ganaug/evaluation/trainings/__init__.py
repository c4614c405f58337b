"""Trainings: jobs, their batches, kept outcomes, worker processes, new generators."""
