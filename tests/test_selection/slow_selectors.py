"""Slow, plain referees of the selectors, and the small data sets that several tests look at."""

from fractions import Fraction
from itertools import product

import numpy as np

# Degrees on a circle. Nearest by cosine = nearest by angle:  0-10: 10, 10-21: 11, 21-33: 12, 33-180: 147, 180-190: 10.
CIRCLE = (0, 10, 21, 33, 180, 190)


def on_circle(degrees) -> np.ndarray:
    """Unit vectors (N, 2) at angles."""
    angles = np.deg2rad(np.asarray(degrees, dtype=float))
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def blobs(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """400 points in 10 unbalanced Gaussian blobs, the spec's prototype: features (400, 8) and blob of each."""
    rng = np.random.default_rng(seed)
    share = np.geomspace(1, 12, 10)
    sizes = np.round(400 * share / share.sum()).astype(int)
    sizes[-1] += 400 - sizes.sum()
    labels = np.repeat(np.arange(10), sizes)
    return rng.standard_normal((10, 8))[labels] * 3 + rng.standard_normal((400, 8)), labels


def hostile(rng: np.random.Generator, count: int, dimensions: int) -> np.ndarray:
    """Features with duplicates, scaled duplicates, zero vectors and opposite vectors."""
    points = rng.standard_normal((count, dimensions))
    points[3] = points[1]
    points[4] = 2.5 * points[1]
    points[5] = points[6] = 0
    points[7] = -points[1]
    points[8:12] = np.round(points[8:12])
    points[20:28] = points[20]
    return points


def cosines(features: np.ndarray) -> np.ndarray:
    """float32 (N, N), zero vectors have cosine 0; -inf with itself."""
    length = np.linalg.norm(features, axis=1, keepdims=True)
    unit = features / np.where(length > 0, length, 1)
    table = (unit @ unit.T).astype(np.float32)
    np.fill_diagonal(table, -np.inf)
    return table


def slow_nearest(features: np.ndarray, k: int) -> np.ndarray:
    """k nearest by cosine, ties by index, ascending."""
    k = min(k, len(features) - 1)
    return np.sort(np.argsort(-cosines(features), axis=1, kind="stable")[:, :k], axis=1)


def slow_vote_k(features: np.ndarray, budget: int, *, k: int, rho: int = 10, labelled=()) -> list[int]:
    """The spec's formula word by word, in exact fractions."""
    votes = [set(row.tolist()) for row in slow_nearest(features, k)]
    chosen, answer = set(labelled), []
    for _ in range(budget):
        worth = [Fraction(1, rho ** len(chosen & seen)) for seen in votes]
        free = [u for u in range(len(votes)) if u not in chosen]
        score = {u: sum(worth[v] for v in range(len(votes)) if v not in chosen and u in votes[v]) for u in free}
        best = min(free, key=lambda u: (-score[u], u))
        chosen.add(best)
        answer.append(best)
    return answer


def reach(edges: dict[int, list[int]], source: int) -> set[int]:
    """Nodes that a source reaches, itself included."""
    found, waiting = {source}, [source]
    while waiting:
        for head in edges.get(waiting.pop(), []):
            if head not in found:
                found.add(head)
                waiting.append(head)
    return found


def exact_influence(targets: np.ndarray, probabilities: np.ndarray, seeds: set[int]) -> float:
    """Expected number of active nodes, summed over all 2^E sets of live edges."""
    edges = [
        (u, int(v), float(p)) for u in range(len(targets)) for v, p in zip(targets[u], probabilities[u], strict=True)
    ]
    total = 0.0
    for live in product((False, True), repeat=len(edges)):
        chance = np.prod([p if on else 1 - p for on, (_, _, p) in zip(live, edges, strict=True)])
        kept: dict[int, list[int]] = {}
        for on, (u, v, _) in zip(live, edges, strict=True):
            if on:
                kept.setdefault(u, []).append(v)
        total += chance * len(set().union(*(reach(kept, seed) for seed in seeds)))
    return total


def slow_k_center(points: np.ndarray, budget: int, labelled=()) -> list[int]:
    """Farthest point by all pairwise distances."""
    distance = ((points[:, None] - points) ** 2).sum(-1).astype(np.float32)
    chosen, answer = list(labelled), []
    for _ in range(budget):
        if chosen:
            gap = distance[:, chosen].min(axis=1)
        else:
            gap = -((points - points.mean(0)) ** 2).sum(-1)
        gap[chosen] = -np.inf
        answer.append(int(np.argmax(gap)))
        chosen.append(answer[-1])
    return answer
