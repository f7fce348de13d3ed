"""The scores once more, from their definitions, in plain loops: nothing here is shared with the package."""

import math
from collections import Counter

import numpy as np


def bins_of(column, bins):
    """NumPy's histogram bins, value by value."""
    edges = np.histogram(column, bins)[1]
    numbers = []
    for x in column:
        number = -1
        for left in edges[:-1]:
            if x >= left:
                number += 1
        numbers.append(number)
    return numbers


def entropy(values):
    n = len(values)
    return -sum(c / n * math.log(c / n) for c in Counter(values).values())


def mutual_information(a, b):
    n, pairs, left, right = len(a), Counter(zip(a, b, strict=True)), Counter(a), Counter(b)
    return sum(c / n * math.log(c * n / (left[x] * right[y])) for (x, y), c in pairs.items())


def information_matrix(codes, factors, bins=20):
    """Mutual information (codes, factors) as lists."""
    binned = [bins_of(column, bins) for column in codes.T]
    return [[mutual_information(code, factor.tolist()) for factor in factors.T] for code in binned]


def top_two(values):
    first, second = sorted(values)[-1], sorted(values)[-2]
    return first, second


def mig(codes, factors, bins=20):
    matrix = information_matrix(codes, factors, bins)
    gaps = []
    for k in range(factors.shape[1]):
        first, second = top_two([row[k] for row in matrix])
        gaps.append((first - second) / entropy(factors[:, k].tolist()))
    return sum(gaps) / len(gaps)


def robust_mig(codes, factors, bins=20):
    matrix = information_matrix(codes, factors, bins)
    columns = [top_two([row[k] for row in matrix]) for k in range(factors.shape[1])]
    return sum(first - second for first, second in columns) / len(columns)


def jemmig(codes, factors, bins=20):
    matrix = information_matrix(codes, factors, bins)
    binned = [bins_of(column, bins) for column in codes.T]
    scores = []
    for k in range(factors.shape[1]):
        column = [row[k] for row in matrix]
        first, second = top_two(column)
        best = column.index(max(column))
        joint = entropy(list(zip(binned[best], factors[:, k].tolist(), strict=True)))
        scores.append(1 - (joint - first + second) / (entropy(factors[:, k].tolist()) + math.log(bins)))
    return sum(scores) / len(scores)


def mig_sup(codes, factors, bins=20):
    matrix = information_matrix(codes, factors, bins)
    entropies = [entropy(column.tolist()) for column in factors.T]
    gaps = []
    for row in matrix:
        first, second = top_two([i / h for i, h in zip(row, entropies, strict=True)])
        gaps.append(first - second)
    return sum(gaps) / len(gaps)


def dcimig(codes, factors, bins=20):
    matrix = information_matrix(codes, factors, bins)
    gains = [0.0] * factors.shape[1]
    for row in matrix:
        first, second = top_two(row)
        k = row.index(max(row))
        gains[k] = max(gains[k], first - second)
    return sum(gains) / sum(entropy(column.tolist()) for column in factors.T)


def modularity(codes, factors, bins=20):
    scores = []
    for row in information_matrix(codes, factors, bins):
        best = max(row)
        if best <= 0:
            scores.append(0.0)
            continue
        rest = sum(i**2 for k, i in enumerate(row) if k != row.index(best))
        scores.append(1 - rest / (best**2 * (len(row) - 1)))
    return sum(scores) / len(scores)


def aam(codes, factors, bins=20):
    matrix = information_matrix(codes, factors, bins)
    scores = []
    for k in range(factors.shape[1]):
        column = sorted(row[k] for row in matrix)
        best = column[-1]
        scores.append(max(0.0, best - sum(column[:-1])) / best if best > 0 else 0.0)
    return sum(scores) / len(scores)


def irs(codes, factors, quantile=0.99):
    codes = codes.astype(np.float64)
    scores, weights = [], []
    for column in codes.T:
        if column.max() == column.min():
            continue
        largest = max(abs(x - column.mean()) for x in column)
        best = -math.inf
        for factor in factors.T:
            deviations = []
            for value in sorted(set(factor.tolist())):
                group = column[factor == value]
                deviations.append(float(np.quantile(np.abs(group - group.mean()), quantile)))
            best = max(best, 1 - sum(deviations) / len(deviations) / largest)
        scores.append(best)
        weights.append(largest)
    return sum(s * w for s, w in zip(scores, weights, strict=True)) / sum(weights) if weights else 0.0


def disentanglement(importance):
    """D of DCI from a matrix (codes, factors) of importances."""
    total = sum(map(sum, importance))
    score = 0.0
    for row in importance:
        if sum(row) == 0:
            continue
        p = [r / sum(row) for r in row]
        score += sum(row) / total * (1 + sum(x * math.log(x, len(row)) for x in p if x > 0))
    return score


def factor_vae_score(codes, factors, votes, generator, threshold=0.05, group=64):
    """Votes by brute force: rows with a value are searched anew for each vote."""
    spread = codes.std(axis=0, ddof=1)
    active = [d for d in range(codes.shape[1]) if spread[d] >= threshold]
    if not active:
        return 0.0
    tables = []
    for count in votes:
        table = np.zeros((codes.shape[1], factors.shape[1]))
        for _ in range(count):
            k = generator.integers(factors.shape[1])
            value = factors[generator.integers(len(factors)), k]
            rows = generator.choice(np.flatnonzero(factors[:, k] == value), group)
            variances = [codes[rows, d].var(ddof=1) / spread[d] ** 2 for d in active]
            table[active[int(np.argmin(variances))], k] += 1
        tables.append(table)
    train, test = tables
    return sum(test[d, train[d].argmax()] for d in range(codes.shape[1])) / votes[1]
