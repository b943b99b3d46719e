"""IDEAL by hand, against all sets of live edges, and against a plain search of the same samples."""

import numpy as np
import pytest
from slow_selectors import blobs, exact_influence, hostile, on_circle, reach

from sparsevision.annotation import AnnotationError
from sparsevision.selection import IDEAL
from sparsevision.selection.cascades import LiveEdges, influence_graph
from sparsevision.selection.neighbours import nearest, pair_cosines, unit_rows


def graph_of(points: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Targets and probabilities as IDEAL makes them."""
    unit = unit_rows(points)
    targets = nearest(unit, k)
    pairs = pair_cosines(unit, np.repeat(np.arange(len(points)), targets.shape[1]), targets.ravel())
    return targets, influence_graph(targets, pairs.reshape(targets.shape))


def plain_reach(edges: LiveEdges) -> dict[int, set[int]]:
    """The same from the same live edges, one node and one sample at a time."""
    count, found = edges.count, {}
    for node in range(count):
        places = set()
        for graph in range(edges.graphs):
            first = graph * count
            heads = {u: edges.heads[edges.start[first + u] :][: edges.degree[first + u]].tolist() for u in range(count)}
            places |= {first + v for v in reach(heads, node)}
        found[node] = places
    return found


def test_by_hand_certain_edges():
    # One edge out of each, so p = 1: 0 <-> 1 <- 2 and 3 <-> 4. Point 2 activates three, although nobody points to it.
    # Then 3 (two, lower than 4); what is left activates nobody new and comes in order.
    points = on_circle([0, 10, 21, 90, 100])
    assert IDEAL(k=1, graphs=3).select(points, 5, rng=np.random.default_rng(0)).tolist() == [2, 3, 0, 1, 4]
    labelled = IDEAL(k=1).select(points, 2, labelled=[4], rng=np.random.default_rng(0))
    assert labelled.tolist() == [2, 0]


def test_by_hand_probabilities():
    # Degrees 0, 60, 90 with k = 2: cosines 0.5 (0-60), 0 (0-90), sqrt(3)/2 (60-90).
    _, probabilities = graph_of(on_circle([0, 60, 90]), 2)
    root = 3**0.5 / 2
    expected = [[1, 0], [0.5 / (0.5 + root), root / (0.5 + root)], [0, 1]]
    assert np.allclose(probabilities, expected, atol=1e-6)


def test_by_hand_a_chain():
    # 0 -> 1 -> 2 with p = 1/2 each: 0 activates 1 + 1/2 + 1/4 on average, 1 activates 1 + 1/2.
    edges = LiveEdges(np.array([[1], [2], [2]]), np.array([[0.5], [0.5], [0.0]]), graphs=20_000, root=7)
    start, _ = edges.reached(limit=10**6)
    assert np.allclose(np.diff(start) / 20_000, [1.75, 1.5, 1], atol=0.02)


def test_negative_cosines_and_zero_vectors_pass_nothing_on():
    targets, probabilities = graph_of(np.array([[0.0, 0], [1, 0], [-1, 0], [-1, 0.1]]), 3)
    assert np.isfinite(probabilities).all()
    assert probabilities[0].tolist() == [0, 0, 0]
    assert probabilities[1].tolist() == [0, 0, 0]
    assert probabilities[2][targets[2] == 3].tolist() == [1]


def test_sampled_influence_is_the_exact_one(rng):
    targets, probabilities = graph_of(rng.standard_normal((5, 2)) + 0.5, 2)
    graphs = 10_000
    start, places = LiveEdges(targets, probabilities, graphs=graphs, root=1).reached(limit=10**7)
    sets = [set(places[start[node] : start[node + 1]].tolist()) for node in range(5)]
    for seeds in ({0}, {1}, {4}, {0, 2}, {1, 3, 4}):
        sampled = len(set().union(*(sets[seed] for seed in seeds))) / graphs
        assert abs(sampled - exact_influence(targets, probabilities, seeds)) < 0.03


def test_the_choice_is_greedy_by_exact_influence():
    # Two fans: 0, 20, 45, 75 and 180, 200, 230. Gaps between the best and the second are far above the sampling error.
    points = on_circle([0, 20, 45, 75, 180, 200, 230])[[0, 1, 2, 4, 5, 6]]
    targets, probabilities = graph_of(points, 2)
    chosen = IDEAL(k=2, graphs=2000).select(points, 3, rng=np.random.default_rng(0)).tolist()
    for step, index in enumerate(chosen):
        before = set(chosen[:step])
        value = {u: exact_influence(targets, probabilities, before | {u}) for u in range(6) if u not in before}
        assert value[index] > max(value.values()) - 0.03


def test_reached_places_are_those_of_a_plain_search(rng, monkeypatch):
    monkeypatch.setattr("sparsevision.selection.cascades.SEEN_VALUES", 40 * 5 * 7)
    targets, probabilities = graph_of(hostile(rng, 40, 3), 6)
    edges = LiveEdges(targets, probabilities, graphs=5, root=3)
    start, places = edges.reached(limit=10**6)
    for node, expected in plain_reach(edges).items():
        assert places[start[node] : start[node + 1]].tolist() == sorted(expected)


def test_lazy_greedy_is_plain_greedy(rng):
    points = hostile(rng, 60, 3)
    chosen = IDEAL(k=5, graphs=8).select(points, 30, labelled=[7, 11], rng=np.random.default_rng(5)).tolist()
    root = int(np.random.default_rng(5).bit_generator.random_raw())
    sets = plain_reach(LiveEdges(*graph_of(points, 5), graphs=8, root=root))
    covered, answer = sets[7] | sets[11], []
    for _ in range(30):
        free = [u for u in range(60) if u not in (7, 11, *answer)]
        answer.append(min(free, key=lambda u: (-len(sets[u] - covered), u)))
        covered = covered | sets[answer[-1]]
    assert chosen == answer


def test_a_smaller_budget_is_the_beginning_of_a_larger_one():
    points, _ = blobs(3)
    choose = [IDEAL().select(points, budget, rng=np.random.default_rng(2)) for budget in (40, 15)]
    assert choose[0][:15].tolist() == choose[1].tolist()


def test_more_graphs_make_the_seed_matter_less():
    points, _ = blobs(1)

    def agreement(graphs: int) -> int:
        first, second = (IDEAL(graphs=graphs).select(points, 20, rng=np.random.default_rng(s)) for s in (0, 1))
        return len(set(first.tolist()) & set(second.tolist()))

    assert agreement(200) > agreement(2)


def test_memory_is_bounded():
    points, _ = blobs(0)
    with pytest.raises(AnnotationError, match=r"reach more than 500 places in 32 sampled graphs.*take fewer graphs"):
        IDEAL(max_places=500).select(points, 5, rng=np.random.default_rng(0))


@pytest.mark.parametrize("options", [{"k": 0}, {"k": 2.5}, {"graphs": 1e400}, {"max_places": 0}])
def test_wrong_options(options):
    with pytest.raises(AnnotationError, match="k, graphs and max_places are at least 1"):
        IDEAL(**options)
