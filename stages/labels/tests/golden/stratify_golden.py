"""Writes stratify.txt: label matrices with a long tail, and how well the folds of iterative-stratification (PyPI, 0.1.9) part them.

    pip install iterative-stratification==0.1.9 numpy scikit-learn
    python stratify_golden.py > stratify.txt

A line `matrix CLASSES FOLDS DEVIATION ABSENT`, then a line for each example with the numbers of its classes. DEVIATION is the mean over
classes and folds of |positives in the fold / positives - 1 / folds|, ABSENT the share of pairs of class and fold without positives;
both are the mean over ten seeds.
"""

import numpy
from iterstrat.ml_stratifiers import MultilabelStratifiedKFold

SEEDS = range(10)


def labels(examples, classes, seed):
    """Zipf's law in the classes' frequencies, and co-occurrence by a common level of activity of each example."""
    random = numpy.random.default_rng(seed)
    rate = 0.5 / numpy.arange(1, classes + 1) ** 1.1
    activity = random.gamma(2.0, 0.5, size=(examples, 1))
    matrix = random.random((examples, classes)) < rate * activity
    matrix[0, ~matrix.any(axis=0)] = True
    return matrix.astype(int)


def quality(matrix, folds):
    share = numpy.array([matrix[fold].sum(axis=0) for fold in folds]) / matrix.sum(axis=0)
    return numpy.abs(share - 1 / len(folds)).mean(), (share == 0).mean()


for seed, (examples, classes, folds) in enumerate([(60, 8, 3), (150, 20, 5), (300, 42, 5), (300, 42, 10), (500, 30, 5)]):
    matrix = labels(examples, classes, seed)
    found = []
    for shuffle in SEEDS:
        splitter = MultilabelStratifiedKFold(n_splits=folds, shuffle=True, random_state=shuffle)
        found.append(quality(matrix, [test for _, test in splitter.split(matrix, matrix)]))
    deviation, absent = numpy.mean(found, axis=0)
    print(f"matrix {classes} {folds} {deviation:.6f} {absent:.6f}")
    for row in matrix:
        print(" ".join(map(str, numpy.flatnonzero(row))))
