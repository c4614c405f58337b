"""Metadata as lines of text, for the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ganaug.artifact.format import Metadata
from ganaug.artifact.policy import Policy
from ganaug.values import path_name, printable
from ganaug.wording import counted, fact_lines, points

__all__ = ["held_out_text", "metadata_lines", "policy_text", "start_text", "unused"]


def metadata_lines(metadata: Metadata, content_hash: str) -> list[str]:
    """Return what a person wants to know of an artifact's metadata, one line each."""
    height, width = metadata.size
    data, policy = metadata.data, metadata.policy
    classes = list(zip(metadata.classes, metadata.counts, strict=True))
    facts = {
        "kind": metadata.kind,
        "images": f"{height}x{width} {'grey' if metadata.channels == 1 else 'RGB'}",
        "latent": counted(metadata.latent_dim, "value"),
        "data": f"{printable(data['source'])}, fingerprint {metadata.fingerprint[:16]}",
        "held out": printable(held_out_text(data)),
        "classes": f"{len(classes)}, training images of each:",
        "training": f"{counted(metadata.steps, 'step')}, seed {metadata.seed}",
        **({"started from": printable(start_text(data))} if data.get("started_from") else {}),
        "policy": policy_text(policy),
        "parity": _parity(metadata.parity),
        "batch exact": "yes" if metadata.batch_exact else "no, images run singly",
        "versions": ", ".join(
            f"{printable(k)} {printable(v)}" for k, v in metadata.versions.items()
        ),
        "gain": _gain(metadata.gain),
        "diversity": _diversity(metadata.diversity, policy),
        "sha256": content_hash,
    }
    # On their own: a long name moves no other value.
    of_classes = fact_lines({f"  {path_name(name)}": str(count) for name, count in classes})
    lines, after = fact_lines(facts), list(facts).index("classes") + 1
    lines[after:after] = of_classes
    return lines + [f"warning: {printable(line)}" for line in metadata.warnings]


def _parity(parity: Mapping[str, Any]) -> str:
    """How far the file was from the trained network at export, in words."""
    bounds = parity.get("largest_difference_below")
    if not isinstance(bounds, Mapping) or "training_size" not in bounds:
        return ", ".join(f"{printable(k)} {printable(v)}" for k, v in parity.items()) or "-"
    # A class generator has one size.
    others = f", {bounds['other_size']} at others" if "other_size" in bounds else ""
    return printable(
        f"within {bounds['training_size']} of the trained network at the training size{others}"
    )


def held_out_text(data: Mapping[str, Any]) -> str:
    """Return in words which images were kept from a training, from the `data` of metadata."""
    if data["held_out"]:
        return str(data["held_out"])
    has_test = data.get("has_test")
    if not isinstance(has_test, bool):  # it may be missing
        return "nothing"
    return f"nothing; {'the data have a test part' if has_test else 'all images were trained on'}"


def start_text(data: Mapping[str, Any]) -> str:
    """Return in words what a training began with, from the `data` of metadata that has it."""
    start = data["started_from"]
    earlier = f", before that on {', '.join(start['earlier'])}" if start["earlier"] else ""
    fresh = f"; random: {', '.join(start['fresh'])}" if start["fresh"] else ""
    return (
        f"the {start['kind']} {start['name']}, {start['steps']:,} steps on"
        f" {start['source']}{earlier}{fresh}"
    )


def policy_text(policy: Policy | None) -> str:
    """Return a policy in words."""
    return "none" if policy is None else str(policy)


def _gain(gain: Mapping[str, Any] | None) -> str:
    if gain is None:
        return "not measured"
    try:
        mean, low, high = (points(gain[name]) for name in ("mean", "low", "high"))
        width = f"(95% interval {low} to {high}), {counted(gain['seeds'], 'seed')}"
        return printable(
            f"{gain['verdict']}, {gain['claim']}: {gain['chosen']} against {gain['baseline']}"
            f" {mean} points {'(one seed: no interval)' if gain['seeds'] < 2 else width}"
        )
    except (KeyError, TypeError, ValueError):  # another form, of another version perhaps
        return printable(gain.get("verdict", "measured"))


def unused(policy: Policy | None) -> str:
    """Return in words what a failure is about where the policy of the file is never to vary."""
    return "of its variations, were they used" if policy is not None and policy.never else ""


def _diversity(diversity: Mapping[str, Any] | None, policy: Policy | None) -> str:
    if diversity is None:
        return "not measured"
    words = diversity.get("words")
    if not isinstance(words, Mapping) or not words:
        return "measured"
    counts = (f"{word} {len(names)}" for word, names in words.items() if isinstance(names, list))
    about = "; ".join(filter(None, ["classes", unused(policy)]))
    return printable(f"{', '.join(counts)} ({about})")
