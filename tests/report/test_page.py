"""The HTML report: what it says, what it escapes, and that it loads nothing."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.records import (
    CLASSES,
    diversity_record,
    gain_record,
    history,
    inspection_record,
    metadata_record,
    samples_record,
)

from ganaug.artifact.policy import Policy
from ganaug.errors import RunError
from ganaug.evaluation.diversity.words import TOO_FEW_WORD
from ganaug.evaluation.gain.report import GainReport
from ganaug.report.diversity import diversity_card
from ganaug.report.gain import classes_section, gain_cards
from ganaug.report.inspection import map_section
from ganaug.report.page import write_report

VOID = {"meta", "img", "input", "path", "polyline", "circle", "rect", "wbr", "br"}


class Reader(HTMLParser):
    """Collects tags, attributes and text; checks that tags are closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [str(v) for k, v in attrs if k in ("src", "href", "action", "srcset")]
        assert not any(name.startswith("on") for name, _ in attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.text.append(data)


def read(path: Path) -> tuple[Reader, str]:
    """Return the parsed page and its text in one line."""
    reader = Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    assert reader.open == []
    return reader, " ".join(" ".join(reader.text).split())


def full_report(path: Path) -> Path:
    write_report(
        path,
        metadata=metadata_record(),
        samples=samples_record(CLASSES[1]),
        gain=gain_record(),
        diversity=diversity_record(),
        inspection=inspection_record(),
        history=history(),
    )
    return path


def test_the_first_screen_has_verdict_gain_interval_and_claim(tmp_path: Path) -> None:
    _, text = read(full_report(tmp_path / "report.html"))
    first = text[: text.index("Arms")]
    for words in (
        "Verdict Helps For this generator.",
        "Gain in balanced accuracy +3.0 points 95% interval +2.0 to +4.0, over 6 paired seeds",
        "ganaug against balanced",
        "Change of the balanced error −15% −30% on the rarer half",
        "Policy in the file p 0.7 to 0 p is the chance",
        "Diversity 2 of 3 classes fail Collapsed in 2. 0.70 of the real images",
        "1 of 3 classes has too few images",
        "p 0.7 at 4 images, 0 at 72 images",
    ):
        assert words in first


def test_a_measured_class_without_a_word_counts_among_those_with_too_few_images() -> None:
    record = diversity_record()
    known = replace(record.classes[1], words=(), word=TOO_FEW_WORD)
    classes = (record.classes[0], known, record.classes[2])
    assert "2 of 3 classes have too few images" in diversity_card(replace(record, classes=classes))


def test_every_part_is_there(tmp_path: Path) -> None:
    reader, text = read(full_report(tmp_path / "report.html"))
    assert "spoiled" not in text  # nothing of the kind was asked for
    assert "arms that saw test images" not in text
    for words in (
        "82.5%",  # the mean of balanced accuracy 0.8 to 0.85, of the baseline
        "+3.0 (+2.0 to +4.0)",
        "2 of 300 test images are also training images",
        "Training images",
        "Recall and precision by thirds of the classes",
        "recall, rare recall, middle recall, frequent precision, rare",
        "Most suspicious samples From the left: its source, the generated image,",
        "At 0 the two are equal; from 1 on they are no nearer than training images are to one",
        "Of classes with equally many training images the first one counts as rarer.",
        "0.20, ok, nearest: <script>",
        "Strength of the latent The same images",
        "1.75 From the left: 0, 1, 1.75.",
        "What changes From the left: a real image",
        "(white: 6.0 px)",
        "(white: 30% of the range)",
        "ok, fitted on 120 images: moved 1.0 px, light 5.0%, detail 0.5%",
        "Beside balanced accuracy arm macro F1",
        "Map of the images",
        "31% of the variance",
        "Real and generated images",
        "near-duplicates",
        "Losses: loss_g (blue), loss_d (grey), by step",
        "moved, by step",
        "one-fifth-by-content-hash/1",
        "resnet-small",
        "steps of a classifier 600",
        "Warning: class 'x' has a single image",
        "0" * 64,
    ):
        assert words in text
    assert reader.tags.count("svg") == 4 + 4  # curves; a map of all classes, and of each
    assert reader.tags.count("img") == 1 + 2 + 3 + 6  # with what changes, and the strengths
    assert reader.tags.count("input") == 3
    assert reader.tags.count("circle") == 42 + 12 + (42 + 12)


def test_text_from_outside_is_escaped_and_nothing_is_loaded(tmp_path: Path) -> None:
    path = full_report(tmp_path / "report.html")
    reader, text = read(path)
    page = path.read_text(encoding="utf-8")
    assert "script" not in reader.tags
    assert "i" not in [tag for tag in reader.tags if tag == "i" and "parts <i>" not in text]
    assert CLASSES[1] in text
    assert "parts <i>" in text
    assert "<script" not in page
    assert all(link.startswith("data:image/png;base64,") for link in reader.links)
    written = re.sub(r"base64,[\w+/=]+", "", page)  # pixels are no addresses
    assert not re.search(r"https?:|@import|url\(|//\w", written)
    assert "default-src 'none'" in page


def test_classes_are_marked_by_their_place_in_the_list_and_not_by_their_names(
    tmp_path: Path,
) -> None:
    page = full_report(tmp_path / "report.html").read_text(encoding="utf-8")
    marks = re.findall(r'class="((?:row |mark )?of [^"]*)"', page)
    assert set(marks) == {f"{row}of c{at}" for row in ("", "row ") for at in range(3)}
    assert page.count("<option") == 1 + 3
    assert '<option class="c1">&lt;script&gt;' in page
    for at in range(3):  # recall, images, coverage (not of the last), two tables, pictures, maps
        found = len(re.findall(rf'class="(?:row )?of c{at}"', page))
        assert found == 2 + 2 + 1 + 2 + 1 + (at < 2) + (at < 2) + (at == 1)


IN_SHORT = "Of 100 images of the rarer half of the classes, the classifier gets about 6"


@pytest.mark.parametrize(
    ("verdict", "low", "words"),
    [
        ("helps", 0.05, f"{IN_SHORT} more right with this generator than without (95% interval"),
        ("hurts", 0.05, f"{IN_SHORT} fewer right with this generator than without (95% interval"),
        ("no evidence", 0.05, None),
        ("no change", 0.05, None),
        ("helps", -0.01, None),  # the rarer half alone is not told from no gain
        ("helps", None, None),  # a file of before
    ],
)
def test_the_line_for_who_decides_stands_only_where_there_is_a_claim(
    verdict: str, low: float | None, words: str | None, tmp_path: Path
) -> None:
    gain = gain_record(verdict)
    record, sign = gain.gain["ganaug"], -1 if verdict == "hurts" else 1
    bounds = sorted([sign * 0.07, sign * low]) if low is not None else [None, None]
    gain.gain["ganaug"] = replace(record, rare_low=bounds[0], rare_high=bounds[1])
    write_report(tmp_path / "report.html", metadata=metadata_record(), gain=gain)
    _, text = read(tmp_path / "report.html")
    assert ("Of 100 images" in text) == (words is not None)
    if words is not None:
        assert f"{words} 5.0 to 7.0)." in text
        assert text.index(words) < text.index("Verdict")


@pytest.mark.parametrize("verdict", ["helps", "hurts", "no evidence"])
def test_helps_beside_collapsed_is_explained_in_one_line(verdict: str, tmp_path: Path) -> None:
    records = {"metadata": metadata_record(), "gain": gain_record(verdict)}
    write_report(tmp_path / "a.html", **records, diversity=diversity_record())  # type: ignore[arg-type]
    words = "Helps and Collapsed can both be true: "
    assert (words in read(tmp_path / "a.html")[1]) == (verdict == "helps")
    write_report(tmp_path / "b.html", **records, diversity=diversity_record(measured=False))  # type: ignore[arg-type]
    assert "can both be true" not in read(tmp_path / "b.html")[1]


def test_a_class_counts_under_its_first_word_everywhere(tmp_path: Path) -> None:
    record = diversity_record()
    both = replace(record.classes[0], words=("COLLAPSED", "COPYING"))
    record = replace(record, classes=(both, *record.classes[1:]))
    write_report(tmp_path / "report.html", metadata=metadata_record(), diversity=record)
    _, text = read(tmp_path / "report.html")
    assert "Diversity 2 of 3 classes fail Collapsed in 2." in text
    assert "ok COLLAPSED (also COPYING) 0.70" in text
    assert "copying in" not in text
    assert record.words == {"COLLAPSED": [*CLASSES[:2]], "TOO FEW IMAGES TO TELL": [CLASSES[2]]}
    assert "COPYING" not in record.text(60)


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        ("hurts", "Verdict Hurts"),
        ("no evidence", "Verdict No evidence"),
        ("no change", "Verdict No change"),
    ],
)
def test_each_verdict(verdict: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write_report(path, metadata=metadata_record(), gain=gain_record(verdict))
    _, text = read(path)
    assert words in text
    assert ("About 24 seeds would settle a gain of +3.0 points" in text) == (
        verdict == "no evidence"
    )
    assert "Diversity" not in text
    assert "by step" not in text


def test_a_gain_of_nothing_is_settled_by_nothing(tmp_path: Path) -> None:
    """Two trainings that predict the same in each seed: it is not for lack of images."""
    gain = gain_record("no evidence")
    same = replace(gain.gain["ganaug"], mean=0.0, low=0.0, high=0.0, p=1.0, seeds_to_settle=None)
    gain = replace(gain, gain=gain.gain | {"ganaug": same})
    words = "he mean gain is 0, which no number of seeds or test images would settle"
    write_report(tmp_path / "report.html", metadata=metadata_record(), gain=gain)
    assert f"T{words}" in read(tmp_path / "report.html")[1]
    assert f"ganaug: t{words}\n" in gain.text()


def test_how_many_seeds_would_settle_it_is_not_said_of_a_few_or_of_a_quick_look() -> None:
    def said(gain: GainReport) -> bool:
        shown = {"would settle" in text for text in (gain.text(), "".join(gain_cards(gain)))}
        assert len(shown) == 1
        return shown.pop()

    gain = gain_record("no evidence")
    assert said(gain)
    assert not said(gain_record("no evidence", 2))
    assert not said(gain_record("no evidence", 5))
    assert not said(replace(gain, settings=replace(gain.settings, quick=True)))
    lost = replace(gain.gain["ganaug"], mean=-0.03)
    lost_more = replace(lost, seeds_to_settle=None)
    loss = replace(gain, gain=gain.gain | {"ganaug": lost})
    assert "ganaug: about 24 seeds would settle a loss of 3.0 points, with" in loss.text()
    assert "About 24 seeds would settle a loss of 3.0 points" in gain_cards(loss)[0]
    loss = replace(gain, gain=gain.gain | {"ganaug": lost_more})
    assert "not even 1000 seeds would settle a loss of 3.0 points; more" in loss.text()


def test_under_six_seeds_the_legend_says_why_all_classes_are_grey() -> None:
    words = "may be luck, as all under 6 seeds"
    assert words in classes_section(gain_record(seeds=5))
    assert "may be luck<" in classes_section(gain_record())


def test_numbers_and_curves_for_few_readers_are_folded_away(tmp_path: Path) -> None:
    page = full_report(tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.count("<details>") == 3
    word = ("When does a class get a word?", "labels at most 0.5 times the reference")
    for title, inside in (word, ("Further numbers", "Nearest: median"), ("Curves", "Losses")):
        start = page.index(f"<details><summary>{title}</summary>")
        assert inside in page[start : page.index("</details>", start)]
    events = [{"step": 40, "alarm": "latents are not used"}]
    write_report(tmp_path / "events.html", metadata=metadata_record(), history=events)
    page = (tmp_path / "events.html").read_text(encoding="utf-8")
    assert '<h2>Training</h2><p class="note">Step 40: latents are not used.</p></section>' in page


def test_of_one_seed_there_is_no_p(tmp_path: Path) -> None:
    gain = gain_record("no evidence", seeds=1)
    gain = replace(gain, gain={name: replace(each, p=1.0) for name, each in gain.gain.items()})
    write_report(tmp_path / "report.html", metadata=metadata_record(), gain=gain)
    assert "1.000" not in read(tmp_path / "report.html")[1]
    (row,) = [line for line in gain.text().splitlines()[-8:] if line.startswith("ganaug ")]
    assert row.split()[-1] == "-"


def test_a_zero_has_no_sign(tmp_path: Path) -> None:
    gain = gain_record("no change")
    same = replace(gain.gain["ganaug"], mean=0.0, error_reduction=0.0, rare_error_reduction=0.0)
    write_report(
        tmp_path / "report.html",
        metadata=metadata_record(),
        gain=replace(gain, gain=gain.gain | {"ganaug": same}),
    )
    assert re.search(r"[+−-]0%", read(tmp_path / "report.html")[1]) is None


def test_one_seed_has_no_interval(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write_report(path, metadata=metadata_record(), gain=gain_record("no evidence", seeds=1))
    _, text = read(path)
    assert "1 paired seed; a verdict needs at least 6." in text
    assert "One seed, no interval: ganaug against balanced." in text
    assert "95% interval +" not in text
    assert "(one seed)" in text


def test_the_map_shows_classes_with_a_failure_first_and_says_how_many() -> None:
    record = inspection_record()
    labels = np.arange(8)
    names = tuple(f"class {label}" for label in range(8))
    many = replace(
        record,
        classes=names,
        real_labels=np.repeat(labels, [1, 2, 3, 4, 5, 6, 7, 14]),
        synthetic_labels=np.resize(labels, len(record.synthetic)),
    )
    page = map_section(many, failed=["class 7"])
    assert page.count("<svg") == 1 + 6
    assert "Of 8 classes 6 are shown: those with a word of failure, then the rarest." in page
    assert page.index("class 7") < page.index("class 0") < page.index("class 4")
    assert "class 6" not in page
    assert "are shown" not in map_section(record)


def test_free_arms_alone(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write_report(path, metadata=metadata_record(), gain=gain_record(generator=False))
    _, text = read(path)
    assert "Verdict No generator" in text


def test_classes_without_test_images_and_without_measures(tmp_path: Path) -> None:
    values = gain_record().to_dict()
    for arm in values["arms"].values():
        for row in arm["recall"]:
            row[2] = None
    values["gain"]["ganaug"]["rare_error_reduction"] = None
    gain = GainReport.from_dict(values)
    path = tmp_path / "report.html"
    write_report(
        path, metadata=metadata_record(), gain=gain, diversity=diversity_record(measured=False)
    )
    _, text = read(path)
    assert "Diversity Too few images No class can be measured." in text
    assert "(–)" in text


FEWER = {"not_tried": ["strong"], "budget": {"classifier_steps": 900, "fit_steps": 70}}


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (None, "Policy in the file None How often to use it is the user's choice."),
        (
            Policy(((0, 0.0),), source="tune"),
            "Policy in the file Never How often to vary: never (p 0); learnt by tune.",
        ),
        (
            Policy(((0, 0.0),), source="tune", evidence={"method": "none", "reason": "no images"}),
            "Never How often to vary: never (p 0); not measured: too few images. No images.",
        ),
        (Policy(((4, 0.5),), source="tune"), "Policy in the file p 0.5 p is the chance that"),
        *(
            (
                Policy(((4, p),), source="tune", evidence=FEWER),
                "; learnt by tune. Not tried within the budget: strong; for all candidates add"
                " --steps 900 --fit-steps 70 to ganaug tune.",
            )
            for p in (0.0, 0.5)
        ),
    ],
)
def test_the_recommended_policy(policy: Policy | None, words: str, tmp_path: Path) -> None:
    metadata = replace(metadata_record(), policy=policy)
    write_report(tmp_path / "report.html", metadata=metadata)
    assert words in read(tmp_path / "report.html")[1]


def test_curves_of_metrics_that_begin_later(tmp_path: Path) -> None:
    rows = [*history(4), *({**row, "coverage": 0.5, "word": "OK"} for row in history(6)[4:])]
    write_report(tmp_path / "report.html", metadata=metadata_record(), history=rows)
    _, text = read(tmp_path / "report.html")
    assert "Diversity over time" in text
    assert "coverage, by step" in text
    assert "word, by step" not in text


def test_the_curves_of_measures_stand_apart_in_the_order_of_the_file(tmp_path: Path) -> None:
    rows = [{"step": i, "kernel": 0.1 * i, "coverage": 0.5, "moved": 0.1} for i in (1, 2)]
    write_report(tmp_path / "report.html", metadata=metadata_record(), history=rows)
    _, text = read(tmp_path / "report.html")
    places = [
        text.index(words)
        for words in ("moved, by", "Diversity over time", "kernel, by", "coverage, by")
    ]
    assert places == sorted(places)


def test_alarms_and_rollbacks_of_the_run_are_told(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"step": i, "variety": 0.1 * i, "moved": 0.1} for i in (1, 2)]
    rows.append({"step": 2, "alarm": "collapsed <b>since step 2</b>"})
    told = {"alarm": "loss_g is not finite", "rollback": 1, "failed": 3, "learning_rate": 5e-4}
    lower, more = {"learning_rate": 5e-4}, {"learning_rate": 2.5e-4, "r1": 0.3}
    rows.append({"step": 2, "seconds": 1.0, "settings": lower} | told)
    rows.append({"step": 0, "seconds": 2.0, "settings": more} | told)
    write_report(tmp_path / "report.html", metadata=metadata_record(), history=rows)
    _, text = read(tmp_path / "report.html")
    assert "<b>since" not in (tmp_path / "report.html").read_text()
    assert "Step 2: collapsed <b>since step 2</b>." in text
    assert "Step 3: loss_g is not finite. Rollback 1: back to step 2, with learning" in text
    assert "back to step 2, with learning_rate=0.0005 and other random numbers" in text
    assert "back to step 0, with learning_rate=0.00025, r1=0.3 and other random numbers" in text
    assert text.index("moved, by step") < text.index("Signs of failure") < text.index("variety, by")
    assert "learning_rate, by step" not in text


def test_metadata_alone(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write_report(path, metadata=metadata_record())
    _, text = read(path)
    assert "Configuration" in text
    assert "Arms" not in text


def test_a_folder_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="cannot be written"):
        write_report(tmp_path / "none" / "report.html", metadata=metadata_record())
