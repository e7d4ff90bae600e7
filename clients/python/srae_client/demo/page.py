"""The demo's page: one file of HTML beside its pictures, which needs no network."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files
from string import Template

from srae_client.demo.photos import AMPLIFICATION
from srae_client.demo.run import PhotoResult, Pictures, TierResult
from srae_client.records import Answer, EvaluateRecord
from srae_client.show import byte_size, decibels, percent

_ABOUT = {
    "sealed": "Made for this photo in a few gradient steps. The receipt, and nothing else, restores it.",
    "one-pass": "Made in three steps on one classifier. The file carries what restores it.",
}
_FORMATS = {"image/png": "PNG", "image/jpeg": "JPEG"}


def render(results: Sequence[PhotoResult]) -> str:
    """The whole page."""
    template = Template(files(__package__).joinpath("page.html").read_text(encoding="utf-8"))
    return template.substitute(
        tiles=_tiles([tier for photo in results for tier in photo.tiers]),
        photos="\n".join(_photo(photo) for photo in results),
        amplification=AMPLIFICATION,
    )


def _tiles(tiers: Sequence[TierResult]) -> str:
    evaluations = [tier.evaluation for tier in tiers]
    changed = sum(evaluation.is_protected for evaluation in evaluations)
    exact = sum(evaluation.bit_exact for evaluation in evaluations)
    likeness = [evaluation.protected_psnr_db for evaluation in evaluations if evaluation.protected_psnr_db is not None]
    facts = (
        (f"{changed} of {len(tiers)}", "protected: the classifiers' answers changed"),
        (f"{exact} of {len(tiers)}", "restored bit for bit"),
        (decibels(min(likeness, default=None)), "likeness of the least alike"),
        (f"{max(tier.protect_seconds for tier in tiers):.1f} s", "for the slowest to protect"),
    )
    return "".join(f'<div class="tile"><b>{value}</b><span>{escape(what)}</span></div>' for value, what in facts)


def _photo(photo: PhotoResult) -> str:
    facts = f"{_FORMATS[photo.mime_type]} &middot; {photo.width} &times; {photo.height} &middot; "
    return (
        f'<section id="{escape(photo.name)}"><h2>{escape(photo.title)}</h2>'
        f'<p class="soft">{facts}{byte_size(photo.size_bytes)}</p>'
        + "\n".join(_tier(photo, tier) for tier in photo.tiers)
        + "</section>"
    )


def _tier(photo: PhotoResult, tier: TierResult) -> str:
    views = tier.evaluation.views
    before = [(view.classifier, view.original) for view in views]
    after = [(view.classifier, view.protected) for view in views]
    again = [(view.classifier, view.restored) for view in views if view.restored]
    figures = (
        _figure("Original", photo.original, _saw(before)),
        _figure("Protected", tier.protected, _saw(after), over=photo.original),
        _figure(f"What was added, &times;{AMPLIFICATION}", tier.difference, ""),
        _figure("Restored", tier.restored, _saw(again), over=photo.original),
    )
    return (
        f'<article class="tier"><div class="tier-head"><h3>{tier.tier.capitalize()}</h3>{_badges(tier.evaluation)}'
        f'<p class="soft">{_ABOUT[tier.tier]}</p></div><div class="pictures">{"".join(figures)}</div>'
        f"{_figures(tier)}</article>"
    )


def _badges(evaluation: EvaluateRecord) -> str:
    protected = ("good", "Protected") if evaluation.is_protected else ("bad", "NOT PROTECTED")
    likeness = decibels(evaluation.restored_psnr_db)
    restored = ("good", "Restored bit for bit") if evaluation.bit_exact else ("", f"Restored to {likeness}")
    return "".join(f'<span class="badge {style}">{words}</span>' for style, words in (protected, restored))


def _figure(title: str, pictures: Pictures, below: str, over: Pictures | None = None) -> str:
    """A picture that opens its file; ``over`` appears on it while it is pointed at."""
    images = f'<img src="{pictures.preview}" alt="{title}" loading="lazy">'
    style = hint = ""
    if over is not None:
        images += f'<img src="{over.preview}" alt="" loading="lazy">'
        style, hint = ' class="compare"', '<span class="hint compare-hint">point at it: original</span>'
    return (
        f'<figure><a href="{pictures.file}"{style}>{images}</a>'
        f"<figcaption><strong>{title} {hint}</strong>{below}</figcaption></figure>"
    )


def _saw(answers: Iterable[tuple[str, Answer]]) -> str:
    """What classifiers answered, each with a bar for how sure it was."""
    return "".join(
        f'<div class="saw" title="{escape(classifier)}: {escape(percent(answer))}"><div class="saw-line">'
        f"<span>{escape(answer.label)}</span><span>{answer.confidence:.0%}</span></div>"
        f'<div class="bar"><i style="width: {100 * answer.confidence:.1f}%"></i></div></div>'
        for classifier, answer in answers
    )


def _figures(tier: TierResult) -> str:
    evaluation = tier.evaluation
    facts = (
        ("Classifiers asked", ", ".join(view.classifier.removeprefix("classifier_") for view in evaluation.views)),
        ("Likeness (PSNR)", decibels(evaluation.protected_psnr_db)),
        ("Structural similarity", f"{evaluation.protected_ssim:.4f}"),
        ("Restored (PSNR)", "bit-exact" if evaluation.bit_exact else decibels(evaluation.restored_psnr_db)),
        ("Protected in", f"{tier.protect_seconds:.2f} s"),
        ("Restored in", f"{tier.restore_seconds:.2f} s"),
    )
    entries = "".join(f"<div><dt>{name}</dt><dd>{escape(value)}</dd></div>" for name, value in facts)
    receipt = f'<div><dt>Receipt</dt><dd><a href="{tier.receipt}">{byte_size(tier.receipt_bytes)}</a></dd></div>'
    return f"<dl>{entries}{receipt}</dl>"
