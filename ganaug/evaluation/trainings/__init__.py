"""Trainings: jobs, their batches, kept outcomes, worker processes, new generators."""

from ganaug.evaluation.trainings.job import Job
from ganaug.evaluation.trainings.pool import run_all
from ganaug.evaluation.trainings.run import run_job

__all__ = ["Job", "run_all", "run_job"]
