"""Draws the figures of the documentation: `python3 docs/figures/figures.py` writes the SVG files beside this script.

They are sketches that explain, and show no data. Each has a light ground, so that it can be read on a dark page too.
"""

import math
from pathlib import Path

INK, PALE, GRID = "#1f2933", "#7b8794", "#cbd2d9"
BLUE, ORANGE, GREEN = "#2f6db3", "#d9822b", "#3f8f5f"


def text(x, y, words, size=14, anchor="middle", fill=INK, weight="normal"):
    words = words.replace("&", "&amp;").replace("<", "&lt;")
    return (f'<text x="{x:g}" y="{y:g}" font-size="{size}" text-anchor="{anchor}" fill="{fill}" font-weight="{weight}">'
            f"{words}</text>")


def box(x, y, w, h, fill, stroke=INK, radius=4):
    return f'<rect x="{x:g}" y="{y:g}" width="{w:g}" height="{h:g}" rx="{radius}" fill="{fill}" stroke="{stroke}"/>'


def line(x1, y1, x2, y2, stroke=INK, width=1.5, dash=""):
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}" stroke="{stroke}" stroke-width="{width}"{dashes}/>'


def arrow(x1, x2, y):
    return line(x1, y, x2 - 6, y) + f'<path d="M{x2:g} {y:g} l-9 -5 v10 z" fill="{INK}"/>'


def curve(points, stroke, width=2.5):
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{path}" fill="none" stroke="{stroke}" stroke-width="{width}"/>'


def dot(x, y, fill, radius=5, stroke="none"):
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{fill}" stroke="{stroke}" stroke-width="1.5"/>'


def flow():
    names = [("recordings", "ingest"), ("windows", "segment"), ("spectrograms", "featurize"), ("scores", "train, predict"),
             ("detections", "evaluate, detect"), ("answers", "report, query")]
    parts = []
    for i, (name, stage) in enumerate(names):
        x = 20 + i * 140
        parts += [box(x, 30, 112, 44, "#e4edf7" if i < 5 else "#e3f1e8"), text(x + 56, 57, name), text(x + 56, 94, stage, 12, fill=PALE)]
        if i:
            parts.append(arrow(x - 26, x - 3, 52))
    parts += [box(300, 130, 112, 36, "#fbeedd"), text(356, 153, "labels"),
              text(356, 186, "annotate, split", 12, fill=PALE), line(412, 148, 496, 148),
              line(496, 148, 496, 104), f'<path d="M496 98 l-5 9 h10 z" fill="{INK}"/>',
              text(510, 128, "learn, choose thresholds, judge", 12, "start", PALE)]
    return 860, 205, parts


def detection():
    scores = [0.08, 0.15, 0.32, 0.81, 0.93, 0.74, 0.28, 0.11, 0.58, 0.66, 0.2, 0.06]
    left, wide, base, high, cut = 90, 54, 190, 130, 0.5
    parts = [text(left - 12, base - high * 0.98, "1", 12, "end", PALE), text(left - 12, base + 4, "0", 12, "end", PALE),
             text(34, base - high / 2, "score", 13)]
    for i, score in enumerate(scores):
        fill = BLUE if score >= cut else GRID
        parts.append(box(left + i * wide + 3, base - high * score, wide - 6, high * score, fill, "none", 2))
        parts.append(text(left + (i + 0.5) * wide, base + 18, f"{3 * i} s", 11, fill=PALE))
    end = left + len(scores) * wide
    parts += [line(left, base, end, base), line(left - 4, base - high * cut, end + 4, base - high * cut, ORANGE, 2, "6 4"),
              text(end + 10, base - high * cut + 5, "threshold", 13, "start", ORANGE)]
    for first, last, name in [(3, 5, "one detection, 9 to 18 s"), (8, 9, "another, 24 to 30 s")]:
        x1, x2 = left + first * wide, left + (last + 1) * wide
        parts += [line(x1, 230, x2, 230, BLUE, 3), line(x1, 223, x1, 237, BLUE, 3), line(x2, 223, x2, 237, BLUE, 3),
                  text((x1 + x2) / 2, 256, name, 13)]
    return 860, 275, parts


def threshold():
    left, right, top, base = 90, 530, 30, 220
    x, y = lambda t: left + (right - left) * t, lambda v: base - (base - top) * v
    steps = [i / 60 for i in range(61)]
    recall = [(x(t), y(1 / (1 + math.exp(9 * (t - 0.62))))) for t in steps]
    precision = [(x(t), y(0.12 + 0.86 / (1 + math.exp(-9 * (t - 0.36))))) for t in steps]
    parts = [line(left, base, right, base), line(left, base, left, top), text((left + right) / 2, base + 36, "threshold"),
             text(left, base + 18, "low", 12, fill=PALE), text(right, base + 18, "high", 12, fill=PALE),
             text(left - 10, y(1) + 4, "1", 12, "end", PALE), text(left - 10, base + 4, "0", 12, "end", PALE),
             curve(precision, BLUE), curve(recall, ORANGE),
             text(right + 10, precision[-1][1] + 5, "precision: how many of those found are right", 13, "start", BLUE),
             text(right + 10, recall[-1][1] + 2, "recall: how many of those there were found", 13, "start", ORANGE)]
    for at, name in [(0.49, "balance (f1)"), (0.75, "a species list")]:
        parts += [line(x(at), top, x(at), base, PALE, 1, "4 4"), text(x(at), top - 8, name, 12, fill=PALE)]
    return 860, 270, parts


def splits():
    sides = ["train", "train", "test", "train", "validation", "train", "test", "train", "train"]
    fills = {"train": "#e4edf7", "validation": "#fbeedd", "test": "#e3f1e8"}
    parts = []
    for night, side in enumerate(sides):
        x = 30 + night * 90
        parts += [box(x, 40, 78, 62, fills[side]), text(x + 39, 30, f"night {night + 1}", 12, fill=PALE), text(x + 39, 122, side, 13)]
        parts += [box(x + 8 + (i % 3) * 22, 50 + (i // 3) * 24, 16, 16, "#ffffff", PALE, 2) for i in range(6)]
    parts.append(text(430, 152, "Each small square is a recording. A night is a group: it is never divided.", 13, fill=PALE))
    return 860, 170, parts


def spectrogram(x, y, calls, stroke=INK):
    parts = [box(x, y, 110, 70, "#f5f7fa", stroke, 2)]
    for cx, cy, w, fill, strength in calls:
        parts.append(f'<rect x="{x + cx:g}" y="{y + cy:g}" width="{w:g}" height="9" rx="3" fill="{fill}" opacity="{strength}"/>')
    return parts


def mix2():
    first, second = [(12, 46, 28), (60, 46, 28)], [(30, 14, 52)]
    paint = lambda calls, fill, strength: [(*call, fill, strength) for call in calls]
    parts = [*spectrogram(30, 40, paint(first, BLUE, 1)), text(85, 130, "A: BOAFAB 1", 13),
             *spectrogram(180, 40, paint(second, ORANGE, 1)), text(235, 130, "B: DENMIN 1", 13),
             text(160, 81, "+", 22), arrow(305, 350, 75), text(327, 62, "0.7, 0.3", 11, fill=PALE),
             *spectrogram(360, 40, paint(first, BLUE, 0.7) + paint(second, ORANGE, 0.35)),
             text(415, 130, "BOAFAB 0.7, DENMIN 0.3", 13)]
    stages = [(530, "spectrogram", "Mixup"), (640, "within", "Manifold Mixup"), (750, "embedding", "MultiMix")]
    for i, (x, where, method) in enumerate(stages):
        parts += [box(x, 52, 84, 44, "#e4edf7"), text(x + 42, 79, where, 12), text(x + 42, 130, method, 13, weight="bold")]
        if i:
            parts.append(arrow(x - 25, x - 2, 74))
    parts += [text(672, 34, "where in the network windows are mixed", 12, fill=PALE),
              text(672, 156, "Mix2: one of the three in each step, by chance", 13)]
    return 860, 175, parts


def cloud(cx, cy, n, spread, fill, turn):
    return [dot(cx + spread * math.sqrt((i + 0.5) / n) * math.cos(2.4 * i + turn),
                cy + 0.7 * spread * math.sqrt((i + 0.5) / n) * math.sin(2.4 * i + turn), fill) for i in range(n)]


def open_set():
    parts = [*cloud(170, 90, 22, 62, BLUE, 0), *cloud(390, 150, 18, 54, ORANGE, 1), *cloud(250, 220, 16, 46, GREEN, 2),
             text(170, 32, "class A", 13, fill=BLUE), text(390, 216, "class B", 13, fill=ORANGE), text(250, 276, "class C", 13, fill=GREEN)]
    parts += [dot(x, y, "#ffffff", 5, INK) for x, y in [(640, 70), (655, 84), (632, 92), (662, 64), (648, 102), (628, 76)]]
    parts += [text(645, 132, "far from everything: unknown sounds,", 13), text(645, 150, "alike among themselves: one group", 13)]
    parts += [dot(x, y, "#ffffff", 5, INK) for x, y in [(198, 112), (362, 136)]]
    parts += [text(645, 236, "A new window near a class gets its score,", 13, fill=PALE),
              text(645, 254, "also when it is something else.", 13, fill=PALE), dot(490, 232, "#ffffff", 5, INK)]
    return 860, 295, parts


FIGURES = {"flow": flow, "detection": detection, "threshold": threshold, "splits": splits, "mix2": mix2, "open-set": open_set}

for name, figure in FIGURES.items():
    width, height, drawn = figure()
    svg = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" role="img">',
           f'<rect width="{width}" height="{height}" rx="8" fill="#ffffff"/>', *drawn, "</svg>", ""]
    (Path(__file__).parent / f"{name}.svg").write_text("\n".join(svg))
