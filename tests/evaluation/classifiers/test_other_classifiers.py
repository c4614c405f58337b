"""Comparisons with other classifiers: scikit-learn, a torchvision model, a loop of the user's."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.small_comparisons import run
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, RidgeClassifier, SGDClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer
from torch import Tensor
from torch.utils.data import DataLoader

from ganaug import TrainingLoop, evaluate_gain
from ganaug.errors import ConfigError
from ganaug.evaluation.arms import parse_arm
from ganaug.evaluation.classifiers import Classifier
from ganaug.evaluation.classifiers.given import as_classifier
from ganaug.evaluation.classifiers.interface import Schedule
from ganaug.evaluation.classifiers.network import Network
from ganaug.evaluation.trainings import Job, run_job
from ganaug.evaluation.trainings.batches import ArmImages
from ganaug.evaluation.trainings.job import load_outcome
from ganaug.evaluation.trainings.pool import run_and_keep
from ganaug.images import ImageSet

MakeArtifact = Callable[..., Path]


def nearest_mean(images: ArmImages, seed: int) -> Callable[[Tensor], Tensor]:
    """A training loop: the mean image of each class over one epoch, in a shuffled order."""
    generator = torch.Generator().manual_seed(seed)
    found = list(DataLoader(images, batch_size=16, shuffle=True, generator=generator))
    pixels, labels = (torch.cat(part) for part in zip(*found, strict=True))
    means = torch.stack([pixels[labels == k].float().mean(0) for k in range(len(images.classes))])
    return lambda tested: -torch.cdist(tested.float().flatten(1), means.flatten(1))


def labels_of(images: ArmImages, seed: int) -> Callable[[Tensor], Any]:
    distances = nearest_mean(images, seed)
    return lambda tested: distances(tested).argmax(1)


def probabilities_of(images: ArmImages, seed: int) -> Callable[[Tensor], Any]:
    distances = nearest_mean(images, seed)
    return lambda tested: torch.softmax(distances(tested), 1).numpy()


@pytest.mark.parametrize("classifier", [Network(), TrainingLoop(labels_of)])
def test_every_training_counts_in_full_for_the_time_left(
    classifier: Classifier, images: ImageSet, tmp_path: Path
) -> None:
    job = Job(0, parse_arm("balanced"), images, images, Schedule(3), classifier)
    counted: list[int] = []
    run_and_keep(job, tmp_path, counted.append)
    assert sum(counted) == 3


def test_a_loop_that_is_at_its_end_is_kept_where_a_stop_is_heard_then(
    images: ImageSet, tmp_path: Path
) -> None:
    """It is not asked whether to stop while it runs; its work is not to be lost afterwards."""
    job = Job(0, parse_arm("plain"), images, images, Schedule(3), TrainingLoop(labels_of))
    heard: list[int] = []

    def stopped_at_the_end(steps: int) -> None:
        heard.append(steps)
        if len(heard) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_and_keep(job, tmp_path, stopped_at_the_end)
    assert heard == [0, 3]
    kept = load_outcome(tmp_path, job)
    assert kept is not None
    assert np.array_equal(kept.probabilities, run_job(job).probabilities)


def test_an_estimator_of_scikit_learn_is_trained_on_augmented_views(
    artifact: MakeArtifact, images: ImageSet
) -> None:
    model = make_pipeline(PCA(8), LogisticRegression(max_iter=300))
    arms = ["balanced", "balanced+standardise", "balanced+affine", "ganaug", "synthetic"]
    reports = [
        evaluate_gain(
            artifact(), train=images, seeds=1, arms=arms, classifier=model, jobs=1, baseline=arms[0]
        )
        for _ in range(2)
    ]
    assert not hasattr(model[0], "components_")  # a copy was trained
    assert [arm.recall for arm in reports[0].arms.values()] == [
        arm.recall for arm in reports[1].arms.values()
    ]
    assert str(reports[0].settings.classifier).startswith("Pipeline(")
    assert reports[0].settings.steps == 4  # five copies of 42 images, in batches of 64
    assert reports[0].arms["balanced"].balanced_accuracy[0] == 1.0
    assert reports[0].arms["balanced"].calibration_error[0] > 0  # probabilities, not labels
    assert reports[0].chosen == "ganaug"


def voting(inside: float, members: int) -> VotingClassifier:
    """Its repr is cut in the middle, where `inside` stands; of more than 30 members, too."""
    settings = {"max_iter": 1000, "solver": "saga", "tol": 1e-3}
    values = [inside if member == members // 2 else 1.5 for member in range(members)]
    return VotingClassifier(
        [(f"member_{i:02d}", LogisticRegression(C=C, **settings)) for i, C in enumerate(values)]
    )


def test_estimators_that_differ_anywhere_have_names_that_differ() -> None:
    for members in (12, 40):
        pair = [voting(inside, members) for inside in (1e-4, 100.0)]
        assert repr(pair[0]) == repr(pair[1])
        assert len({as_classifier(each).name for each in pair}) == 2
        assert len({as_classifier(voting(1e-4, members)).name for _ in range(2)}) == 1
    few = [np.array([0.5 + tiny, 0.5 - tiny]) for tiny in (0, 1e-10)]
    assert len({as_classifier(GaussianNB(priors=each)).name for each in few}) == 2
    priors = np.full((2, 2000), 1 / 2000)
    priors[1, 1000:1002] += 1e-6, -1e-6
    assert len({as_classifier(GaussianNB(priors=each)).name for each in priors}) == 2
    assert as_classifier(RidgeClassifier(alpha=2)).name == "RidgeClassifier(alpha=2)"


def test_results_of_another_estimator_are_not_used(images: ImageSet, tmp_path: Path) -> None:
    for inside in (1e-4, 100.0):
        evaluate_gain(
            None, train=images, seeds=1, steps=1, arms=["plain"], baseline="plain", jobs=1,
            classifier=voting(inside, 12), out=tmp_path,
        )  # fmt: skip
    assert len(list((tmp_path / "outcomes").iterdir())) == 2


def test_an_estimator_with_an_address_in_its_settings_is_not_kept(
    images: ImageSet, tmp_path: Path
) -> None:
    model = make_pipeline(FunctionTransformer(as_is), GaussianNB())
    options = {"seeds": 1, "steps": 1, "arms": ["plain"], "baseline": "plain", "jobs": 1}
    with pytest.raises(ConfigError, match=r"<function as_is at 0x\w+ has no name of its own"):
        evaluate_gain(None, train=images, classifier=model, out=tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()
    within = as_classifier(make_pipeline(FunctionTransformer(lambda values: values), GaussianNB()))
    with pytest.raises(ConfigError, match="<lambda> at 0x"):
        within.check_name()
    assert evaluate_gain(None, train=images, classifier=model, **options).seeds == (0,)


class Embedding(TransformerMixin, BaseEstimator):
    """Features of a network of torch that lies in it; its repr says nothing of the weights."""

    def __init__(self, network: torch.nn.Module) -> None:
        self.network = network

    def fit(self, X: Any, y: Any = None) -> Embedding:
        self.fitted_ = True
        return self

    @torch.no_grad()
    def transform(self, X: Any) -> Any:
        return self.network(torch.from_numpy(X)).numpy()


def frozen(kind: str, number: int) -> Any:
    """Return a pipeline whose first step is fitted already; another `number` has other weights."""
    pixels = np.random.default_rng(number).normal(size=(20, 144)).astype(np.float32)
    torch.default_generator.manual_seed(number)
    network = torch.nn.Linear(144, 4)
    first = {
        "frozen": lambda: FrozenEstimator(PCA(4).fit(pixels)),
        "frozen inside": lambda: FeatureUnion([("one", FrozenEstimator(PCA(4).fit(pixels)))]),
        "frozen network": lambda: FrozenEstimator(Embedding(network).fit(pixels)),
        "network": lambda: Embedding(network),
    }
    return make_pipeline(first[kind](), LogisticRegression())


@pytest.mark.parametrize("kind", ["frozen", "frozen inside", "frozen network", "network"])
def test_what_is_fitted_already_is_a_part_of_the_name(
    images: ImageSet, tmp_path: Path, kind: str
) -> None:
    pair = [frozen(kind, number) for number in (0, 1)]
    assert repr(pair[0]) == repr(pair[1])
    first, second = (as_classifier(each).name for each in pair)
    assert first != second
    assert as_classifier(pickle.loads(pickle.dumps(pair[0]))).name == first
    for number, model in enumerate((pair[0], pair[1], frozen(kind, 0))):
        run(None, images, classifier=model, arms=["plain"], seeds=1, steps=1, out=tmp_path)
        assert len(list((tmp_path / "outcomes").iterdir())) == min(number + 1, 2)


def test_a_fitted_part_that_cannot_be_hashed_is_not_kept() -> None:
    part = Embedding(torch.nn.Linear(144, 4)).fit(None)
    part.lock_ = threading.Lock()
    classifier = as_classifier(make_pipeline(FrozenEstimator(part), LogisticRegression()))
    with pytest.raises(ConfigError, match="fitted already cannot be pickled"):
        classifier.check_name()


def as_is(values: Any) -> Any:
    return values


def test_an_estimator_without_probabilities_and_with_a_random_state(images: ImageSet) -> None:
    arms = ["plain", "balanced+affine"]
    reports = [
        evaluate_gain(
            None,
            train=images,
            seeds=2,
            arms=arms,
            steps=3,
            classifier=model,
            jobs=1,
            baseline="plain",
        )
        for model in (SGDClassifier(max_iter=5, tol=None), RidgeClassifier(), RidgeClassifier())
    ]
    assert reports[1].arms["plain"].recall == reports[2].arms["plain"].recall
    for report in reports:
        assert min(report.arms["plain"].balanced_accuracy) > 0.6
        assert report.arms["plain"].calibration_error == pytest.approx(
            [1 - float(np.average(r, weights=[8, 8, 8])) for r in report.arms["plain"].recall]
        )  # a label counts as certain


@pytest.mark.parametrize("loop", [labels_of, probabilities_of])
def test_a_training_loop_of_the_user(
    artifact: MakeArtifact, images: ImageSet, loop: Any, tmp_path: Path
) -> None:
    arms = ["plain", "balanced+affine", "ganaug+affine", "mixed", "synthetic"]
    report = evaluate_gain(
        artifact(),
        train=images,
        seeds=2,
        arms=arms,
        classifier=TrainingLoop(loop),
        jobs=1,
        out=tmp_path,
    )
    assert str(report.settings.classifier).endswith(loop.__qualname__)
    assert report.arms["plain"].balanced_accuracy == (1.0, 1.0)
    again = evaluate_gain(
        artifact(),
        train=images,
        seeds=2,
        arms=arms,
        classifier=TrainingLoop(loop),
        jobs=1,
        out=tmp_path,
    )
    assert again.arms == report.arms  # with its times, so it was kept


def test_a_loop_may_predict_in_bfloat16(images: ImageSet) -> None:
    """As torch.autocast does."""

    def loop(items: ArmImages, seed: int) -> Callable[[Tensor], Tensor]:
        return lambda tested: torch.full((len(tested), 3), 1 / 3, dtype=torch.bfloat16)

    report = evaluate_gain(
        None,
        train=images,
        seeds=1,
        arms=["plain"],
        baseline="plain",
        classifier=TrainingLoop(loop),
        jobs=1,
    )
    assert report.arms["plain"].balanced_accuracy == (pytest.approx(1 / 3),)


def test_a_loop_that_changes_images_in_place_changes_no_other_arm(images: ImageSet) -> None:
    def loop(items: ArmImages, seed: int) -> Callable[[Tensor], Tensor]:
        for image, _ in [items[i] for i in range(len(items))]:
            image.zero_()
        assert items[0][0].any()
        return lambda tested: tested.bitwise_not_().float().flatten(1).softmax(1)[:, :3].softmax(1)

    before = images.images.copy(), images.test and images.test.images.copy()
    report = evaluate_gain(
        None,
        train=images,
        seeds=1,
        arms=["plain", "balanced"],
        classifier=TrainingLoop(loop),
        jobs=1,
    )
    assert report.arms["plain"].balanced_accuracy == report.arms["balanced"].balanced_accuracy
    assert images.test is not None
    assert np.array_equal(before[0], images.images)
    assert np.array_equal(before[1], images.test.images)


def test_a_loop_that_predicts_at_random_does_so_from_the_seed(images: ImageSet) -> None:
    """Such as Monte Carlo dropout."""

    def loop(items: ArmImages, seed: int) -> Callable[[Tensor], Tensor]:
        return lambda tested: torch.rand(len(tested), 3).softmax(1)

    state = torch.default_generator.get_state()
    found = [
        evaluate_gain(
            None, train=images, seeds=1, arms=["plain"], classifier=TrainingLoop(loop), jobs=1
        )
        .arms["plain"]
        .balanced_accuracy
        for _ in range(2)
    ]
    assert found[0] == found[1]
    assert torch.equal(torch.default_generator.get_state(), state)


def test_the_images_of_an_arm_are_balanced_and_augmented_at_each_access(images: ImageSet) -> None:
    seen: dict[str, ArmImages] = {}

    def look(arm: ArmImages, seed: int) -> Callable[[Tensor], Any]:
        seen[f"{len(seen)}"] = arm
        return lambda tested: np.zeros(len(tested), np.int64)

    evaluate_gain(
        None,
        train=images,
        seeds=1,
        arms=["plain", "balanced+jitter"],
        baseline="plain",
        classifier=TrainingLoop(look),
        jobs=1,
    )
    plain, balanced = seen.values()
    assert np.bincount(plain.targets).tolist() == [24, 12, 6]
    assert np.bincount(balanced.targets).tolist() == [24, 24, 24]
    assert balanced.classes == list(images.classes)
    (image, label), (again, _) = plain[5], plain[5]
    assert image.dtype == torch.uint8
    assert label == balanced.targets[5] == 0
    assert torch.equal(image, again)
    assert not torch.equal(balanced[5][0], balanced[5][0])


def returns_nothing(images: ArmImages, seed: int) -> None:
    return None


def returns_scores(images: ArmImages, seed: int) -> Callable[[Tensor], Any]:
    return nearest_mean(images, seed)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"classifier": TrainingLoop(returns_nothing)}, "returned a NoneType"),
        ({"classifier": TrainingLoop(returns_scores)}, "rows that add up to 1"),
        ({"classifier": 3}, "classifier: a int; allowed"),
        ({"classifier": RidgeClassifier(), "arms": ["plain+logits"]}, "'logits' is no part of how"),
        (
            {"classifier": TrainingLoop(labels_of), "arms": ["plain+standardise"]},
            "'standardise' is no part of how",
        ),
    ],
)
def test_what_cannot_be_a_classifier_is_refused(
    images: ImageSet, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        evaluate_gain(None, train=images, **{"seeds": 1, "arms": ["plain"], "jobs": 1} | arguments)
    assert "\n" not in str(caught.value)


def test_a_loop_that_is_no_function_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"train_fn: a str; allowed: a function"):
        TrainingLoop("loop")  # type: ignore[arg-type] # as a user might


@pytest.mark.parametrize("piped", [False, True])
def test_an_estimator_that_has_no_predict_before_its_training(
    piped: bool, images: ImageSet
) -> None:
    stacked = StackingClassifier([("bayes", GaussianNB())], cv=2)
    assert not hasattr(stacked, "predict")
    given = make_pipeline(PCA(2), stacked) if piped else stacked
    report = run(None, images, classifier=given, arms=["plain"], seeds=1, steps=2)
    assert report.settings.classifier == as_classifier(given).name


def test_estimators_go_by_their_parameters_in_result_files() -> None:
    assert as_classifier(RidgeClassifier(alpha=2)).name == "RidgeClassifier(alpha=2)"
    assert as_classifier(RidgeClassifier(alpha=3)).name != "RidgeClassifier(alpha=2)"


def test_the_classification_accuracy_score_trains_on_generated_images_alone(
    artifact: MakeArtifact, images: ImageSet
) -> None:
    """The class model of these tests makes one noise image a class: of no use for real bars."""
    report = evaluate_gain(
        artifact("class"),
        train=images,
        seeds=1,
        arms=["balanced", "synthetic"],
        classifier=LogisticRegression(max_iter=300),
        jobs=1,
    )
    assert report.chosen == "synthetic"
    assert report.arms["balanced"].balanced_accuracy[0] == 1.0
    assert report.arms["synthetic"].balanced_accuracy[0] < 0.8


def test_a_training_loop_that_is_not_wrapped_is_told_how() -> None:
    with pytest.raises(ConfigError, match=r"labels_of does not take .* TrainingLoop\(labels_of\)"):
        as_classifier(labels_of)
