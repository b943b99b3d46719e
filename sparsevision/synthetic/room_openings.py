"""Doors and windows: holes in a wall, what fills them, and what hangs beside them."""

from sparsevision.synthetic.room_furniture import Piece, slab
from sparsevision.synthetic.room_home import curtain
from sparsevision.synthetic.room_plan import Opening, Placed, Plan


def add_door(plan: Plan, wall: int) -> Placed | None:
    """A door 10 cm back in the wall, in a frame that stands out by 2 cm; 0.9 m before it stay free."""
    width, high = plan.rng.uniform(0.85, 1.0), plan.rng.uniform(2.0, 2.12)
    cut = plan.cut(wall, width, 0.0, high, before=0.9)
    if cut is None:
        return None
    leaf = plan.palette.material(str(plan.rng.choice(["wood", "wood", "painted wood"])))
    frame, handle = plan.palette.material("painted wood"), plan.palette.material("metal")
    x = width / 2
    parts = (
        slab(leaf, (-x, x), (-0.14, -0.1), (0, high)),
        slab(leaf, (-x + 0.15, x - 0.15), (-0.1, -0.085), (0.25, 0.9)),
        slab(leaf, (-x + 0.15, x - 0.15), (-0.1, -0.085), (1.1, high - 0.2)),
        slab(handle, (x - 0.12, x - 0.06), (-0.1, -0.05), (1.0, 1.05)),
        slab(frame, (-x - 0.07, -x), (0, 0.02), (0, high + 0.07)),
        slab(frame, (x, x + 0.07), (0, 0.02), (0, high + 0.07)),
        slab(frame, (-x, x), (0, 0.02), (high, high + 0.07)),
    )
    return _fill(plan, wall, cut, Piece("door", parts))


def add_window(plan: Plan, wall: int, *, curtains: bool = False) -> Placed | None:
    """Panes 12 cm back in the wall in a white frame with bars, and a sill; some with curtains at both sides."""
    room = plan.length(wall) - (1.8 if curtains else 0.8)
    width = float(min(room, plan.rng.uniform(1.0, 2.2)))
    low, high = plan.rng.uniform(0.8, 1.0), plan.rng.uniform(2.0, 2.25)
    cut = plan.cut(wall, width, low, high, before=0.35) if width > 0.6 else None
    if cut is None:
        return None
    white, glass, x = plan.palette.material("white"), plan.palette.material("glass"), width / 2
    bars = [slab(white, (at, at + 0.06), (-0.12, -0.06), (low + 0.06, high - 0.06)) for at in (-x, x - 0.06)]
    if width > 1.2:
        bars.append(slab(white, (-0.03, 0.03), (-0.12, -0.06), (low + 0.06, high - 0.06)))
    parts = (
        slab(glass, (-x, x), (-0.15, -0.12), (low, high)),
        slab(white, (-x, x), (-0.12, -0.06), (low, low + 0.06)),
        slab(white, (-x, x), (-0.12, -0.06), (high - 0.06, high)),
        slab(white, (-x - 0.04, x + 0.04), (0, 0.05), (low - 0.04, low)),
        *bars,
    )
    placed = _fill(plan, wall, cut, Piece("window", parts))
    if curtains:
        cloth = curtain(plan.palette, height=min(plan.height - 0.15, high + 0.2))
        for side in (-1, 1):
            plan.put(cloth, *plan.on_wall(wall, cut[1] + side * (x + 0.12 + cloth.size[0] / 2), 0.11))
    return placed


def _fill(plan: Plan, wall: int, cut: tuple[Opening, float], piece: Piece) -> Placed | None:
    return plan.put(piece, *plan.on_wall(wall, cut[1], 0.0), check=False)
