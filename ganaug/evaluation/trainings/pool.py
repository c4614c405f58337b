"""`run_all`: trainings side by side; what is kept is not computed again."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from ganaug.artifact.reader import read_artifact
from ganaug.errors import ConfigError
from ganaug.evaluation.classifiers.interface import Outcome
from ganaug.evaluation.trainings.job import Job, Key, load_outcome, save_outcome
from ganaug.evaluation.trainings.meter import NEW_GENERATOR, Load, Meter, Tick
from ganaug.evaluation.trainings.others import Shared, found_others
from ganaug.evaluation.trainings.run import run_job
from ganaug.evaluation.trainings.workers import Processes, Submit, in_this_process, worker_count
from ganaug.files import make_folder

__all__ = ["GeneratorTraining", "Site", "run_all"]

WORTH_A_PROCESS = 50  # steps of classifiers: starting a process takes longer than fewer


class GeneratorTraining(Protocol):
    """Makes the file that the jobs of a seed wait for. Picklable."""

    @property
    def seed(self) -> int:
        """Of the jobs that wait."""

    @property
    def cost(self) -> int:
        """In steps of a classifier."""

    def run(self, tick: Tick) -> Path:
        """Do what is not done yet; return the path of the file."""


@dataclass(frozen=True)
class Site:
    """Where and with what a comparison's trainings run.

    Attributes:
        folder: keeps outcomes and generators.
        device: "cpu" or "cuda[:N]".
        jobs: worker processes; 1 runs all in this process. None is one for each core, at most 4 on
            a GPU, and 1 where the steps would not pay for the start of another process, or where
            torchrun started others that share the work.
        threads: of torch in each process.
        processes: the worker processes.
    """

    folder: Path
    device: str
    jobs: int | None
    threads: int
    processes: Processes


def run_all(
    jobs: Iterable[Job],
    generators: Mapping[int, GeneratorTraining],
    site: Site,
    meter: Meter,
    kept: str = "outcomes",
) -> dict[Key, Outcome]:
    """Run every job and return its outcome by key; kept outcomes are not recomputed.

    Arms that come to the same training, see `Job.effective`, share one.

    Args:
        jobs: what to train and judge.
        generators: by seed, the training of the generator that the seed's jobs wait for.
        site: where they run.
        meter: told of every step.
        kept: name of the folder in that of the site which keeps each outcome as it ends.

    Raises:
        KeyboardInterrupt: interrupted; what had ended is kept, and the same call goes on.
    """
    folder = make_folder(site.folder / kept)
    jobs = list(jobs)
    wanted: dict[Key, str] = {}  # -> identity of the job
    outcomes: dict[str, Outcome] = {}  # by identity
    queued: set[str] = set()
    queue: deque[Job | GeneratorTraining] = deque()
    waiting: dict[int, list[Job]] = {seed: [] for seed in generators}

    def enter(asked: Job) -> None:
        job = asked.effective()
        identity = wanted[asked.key] = job.identity()
        found = outcomes.get(identity) or load_outcome(folder, job)
        if found is not None:
            outcomes[identity] = found
        elif identity not in queued:
            queued.add(identity)
            queue.append(job)
            return
        meter.kept(job.schedule.steps)

    for job in jobs:
        if not job.arm.needs_generator or job.seed not in generators:
            enter(job)
        else:
            waiting[job.seed].append(job)
    # Generators take longest, and others wait for them: they start first.
    queue.extendleft(each for each in reversed(list(generators.values())) if waiting[each.seed])

    waiting_jobs = [job for seed in waiting for job in waiting[seed]]
    others = found_others()
    workers = _workers(site, queue, waiting_jobs, shared=bool(others))
    here = workers == 1 and not others
    pool: AbstractContextManager[Submit] = (
        in_this_process(site.threads) if here else nullcontext(site.processes)
    )
    meter.begin(workers + len(others))
    with pool as near:
        submit = Shared(near, others, site.threads)
        running: dict[Future[Any], Job | GeneratorTraining] = {}
        while queue or running:
            while queue and len(running) < workers + len(others):
                item = queue.popleft()
                still = [job for seed in waiting for job in waiting[seed]]
                meter.at_work(map(_load, (*running.values(), item)), map(_load, (*queue, *still)))
                work = partial(run_and_keep, item, folder) if isinstance(item, Job) else item.run
                running[submit(work, _load(item).kind, meter)] = item
            ended, _ = wait(running, timeout=0.2, return_when=FIRST_COMPLETED)
            submit.update()
            for future in ended:
                item, result = running.pop(future), future.result()
                meter.ended(_load(item))
                if isinstance(item, Job):
                    outcomes[item.identity()] = result
                else:
                    digest = read_artifact(result)[2]
                    for job in waiting.pop(item.seed):
                        enter(replace(job, artifact=result, artifact_hash=digest))
    return {key: outcomes[identity] for key, identity in wanted.items()}


def _workers(
    site: Site, queue: Iterable[Job | GeneratorTraining], waiting: Sequence[Job], *, shared: bool
) -> int:
    """Return how many worker processes are worth it, beside others where the work is `shared`."""
    workers, queued = worker_count(site.jobs, site.device), list(queue)
    if shared:
        return site.jobs or 1
    if len(queued) + len(waiting) <= 1:
        return 1
    if site.jobs is None and not waiting:
        left = sum(item.schedule.steps for item in queued if isinstance(item, Job))
        return 1 if left < WORTH_A_PROCESS else workers
    return workers


def _load(item: Job | GeneratorTraining) -> Load:
    return item.load if isinstance(item, Job) else Load(NEW_GENERATOR, item.cost)


def run_and_keep(job: Job, folder: Path, tick: Tick) -> Outcome:
    """Run a job and keep its outcome in `folder`.

    Raises:
        ConfigError: the training diverged, so that the classifier predicts nothing.
    """
    if job.classifier.counts_steps:
        outcome = run_job(job, lambda: tick(1))
    else:
        tick(0)
        outcome = run_job(job)
    if not outcome.finite:
        raise ConfigError(
            f"classifier {job.classifier.name[:60]}: its training diverged in arm {job.arm.name!r},"
            f" seed {job.seed}: probabilities that are not finite; allowed: a training that ends"
            " with finite ones; choose another classifier, other weights or fewer steps"
        )
    save_outcome(folder, job, outcome)
    if not job.classifier.counts_steps:
        tick(job.schedule.steps)  # after the outcome is kept: it may raise to stop
    return outcome
