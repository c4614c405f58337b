"""`run_job`: one training of the classifier, from images to predictions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ganaug.artifact.rewrite import rewrite_metadata
from ganaug.evaluation.arms.losses import make_objective
from ganaug.evaluation.arms.smote import with_smote
from ganaug.evaluation.classifiers.interface import Outcome, Task
from ganaug.evaluation.trainings.batches import batches, items, normalisation
from ganaug.evaluation.trainings.job import Job
from ganaug.files import scratch_folder
from ganaug.randomness import stream_seed
from ganaug.use.image_dataset import ImageDataset

__all__ = ["run_job"]


def run_job(job: Job, on_step: Callable[[], None] | None = None) -> Outcome:
    """Train the classifier as `job` says and judge it on the test part."""
    job = job.effective()
    if job.policy is not None:  # a copy with that policy inside is used just as users would
        with scratch_folder() as folder:
            copy = Path(folder, "generator.onnx")
            rewrite_metadata(job.file, target=copy, policy=job.policy)
            return run_job(replace(job, artifact=copy, policy=None), on_step)
    if job.arm.smote:
        job = replace(job, train=with_smote(job.train, stream_seed(job.seed, "evaluate/smote")))
    real = ImageDataset(job.train)
    task = Task(
        seed=job.seed,
        schedule=job.schedule,
        device=job.device,
        channels=job.train.channels,
        num_classes=len(job.train.classes),
        image_size=job.train.size,
        batches=lambda: batches(job, real),
        items=lambda: items(job, real),
        normalise=normalisation(real.pixels, job.arm.view),
        objective=make_objective(job.arm.loss, job.train.counts, job.schedule.steps),
        lda=job.arm.lda,
        tested=ImageDataset(job.test).pixels,
    )
    return job.classifier.train(task, on_step)
