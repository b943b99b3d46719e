"""Kinds of rooms: what stands in an office, a meeting room, a lounge, a hallway, a bedroom, a bathroom, a studio."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sparsevision.synthetic import room_furniture as furniture
from sparsevision.synthetic import room_home as home
from sparsevision.synthetic import room_small_things as small
from sparsevision.synthetic.room_materials import Palette
from sparsevision.synthetic.room_openings import add_door, add_window
from sparsevision.synthetic.room_plan import Placed, Plan
from sparsevision.synthetic.room_shapes import Thing


@dataclass(frozen=True)
class Room:
    """A furnished room: 0 <= x <= size[0], 0 <= y <= size[1], 0 <= z <= size[2] metres."""

    style: str
    size: tuple[float, float, float]
    things: tuple[Thing, ...]


def make_room(
    style: str, *, photos: Mapping[str, NDArray], split: str, rng: np.random.Generator, ceiling: bool = True
) -> Room:
    """Furnish a room.

    Args:
        style: a key of STYLES.
        photos: from `load_room_photos`.
        split: "train" or "test": which parts of the photographs and which tints are used.
        rng: decides everything.
        ceiling: whether there is one to be seen.
    """
    ranges, furnish = STYLES[style]
    size = tuple(float(rng.uniform(*limits)) for limits in ranges)
    plan = Plan(*size, Palette(photos, split, rng))
    furnish(plan)
    return Room(style, size, (*plan.shell(ceiling=ceiling), *plan.things))


def furnish_office(plan: Plan) -> None:
    """Desks with chairs and screens, a bookcase, a board."""
    add_door(plan, 0)
    add_window(plan, 2)
    structure(plan, beams=1, columns=1)
    plan.hang(furniture.board(plan.palette, width=plan.rng.uniform(1.2, 2.0)))
    for _ in range(int(plan.rng.integers(1, 3))):
        plan.against_wall(furniture.bookcase(plan.palette, width=plan.rng.uniform(0.8, 1.2)), reach=0.5)
    for _ in range(int(plan.rng.integers(2, 4))):
        workplace(plan)
    if plan.rng.random() < 0.5:
        plan.against_wall(furniture.sofa(plan.palette, seats=2), reach=0.4)
    clutter(plan, 4)


def furnish_meeting(plan: Plan) -> None:
    """A long table with chairs around it, a board, a column."""
    add_door(plan, int(plan.rng.choice([0, 1])))
    add_window(plan, 2)
    structure(plan, beams=1, columns=2)
    for _ in range(2):
        plan.hang(furniture.board(plan.palette, width=plan.rng.uniform(1.5, 2.4)))
    long = min(plan.width - 2.4, plan.rng.uniform(2.0, 3.2))
    dining(plan, furniture.table(plan.palette, width=long, depth=plan.rng.uniform(1.0, 1.3)))
    plan.against_wall(furniture.bookcase(plan.palette, width=plan.rng.uniform(0.8, 1.2)), reach=0.4)
    for _ in range(2):
        plan.against_wall(furniture.chair(plan.palette))
    clutter(plan, 4)


def furnish_lounge(plan: Plan) -> None:
    """Sofas around a low table, bookcases, a small table with chairs."""
    add_door(plan, 0)
    add_window(plan, 2)
    add_window(plan, 3)
    structure(plan, beams=2, columns=1)
    for seats in plan.rng.permutation([2, 3, 1])[: int(plan.rng.integers(2, 4))]:
        sitting(plan, int(seats))
    plan.against_wall(furniture.bookcase(plan.palette, width=plan.rng.uniform(0.8, 1.4)), reach=0.4)
    plan.hang(furniture.board(plan.palette, width=plan.rng.uniform(1.0, 1.6)))
    dining(plan, furniture.round_table(plan.palette, radius=plan.rng.uniform(0.4, 0.55)))
    clutter(plan, 5)


def furnish_hallway(plan: Plan) -> None:
    """Long and narrow: doors, boards, beams, columns, a few chairs, bookcases."""
    for wall in (0, 2, 0, 1, 2):
        add_door(plan, wall)
    add_window(plan, 3)
    structure(plan, beams=3, columns=3)
    plan.hang(furniture.board(plan.palette, width=1.4), walls=(0, 2))
    for _ in range(2):
        plan.against_wall(furniture.bookcase(plan.palette, width=plan.rng.uniform(0.7, 1.1)), walls=(0, 2))
    plan.against_wall(furniture.sofa(plan.palette, seats=2), walls=(0, 2))
    plan.against_wall(furniture.table(plan.palette, width=0.9, depth=0.5), walls=(0, 2))
    for _ in range(4):
        plan.against_wall(furniture.chair(plan.palette), walls=(0, 2))
    clutter(plan, 5)


def furnish_bedroom(plan: Plan) -> None:
    """A bed, cabinets, a desk with a chair, curtains at the window, pictures."""
    add_door(plan, 0)
    add_window(plan, int(plan.rng.choice([1, 2])), curtains=True)
    plan.against_wall(home.bed(plan.palette), reach=0.3)
    for height in (plan.rng.uniform(1.7, 2.0), plan.rng.uniform(0.5, 0.8)):
        placed = plan.against_wall(home.cabinet(plan.palette, width=plan.rng.uniform(0.7, 1.3), height=height))
        dress(plan, placed, 1)
    workplace(plan)
    for _ in range(2):
        plan.hang(home.picture(plan.palette))
    plan.against_wall(furniture.bookcase(plan.palette, width=0.8))
    plan.in_the_open(home.ottoman(plan.palette), margin=0.3)
    plan.against_wall(home.rack(plan.palette))
    clutter(plan, 4)


def furnish_bathroom(plan: Plan) -> None:
    """A bathtub with a curtain, toilet, sink, cabinet."""
    add_door(plan, 0)
    if plan.rng.random() < 0.7:
        add_window(plan, 2)
    width = plan.rng.uniform(1.5, 1.7)
    placed = plan.in_corner(home.bathtub(plan.palette, width=width))
    if placed:
        cloth = home.shower_curtain(plan.palette, width=plan.rng.uniform(0.5, 0.8) * width)
        x = (width - cloth.size[0]) / 2 * plan.rng.choice([-0.9, 0.9])
        plan.put(cloth, placed.at(x, 0.45), placed.yaw)
    plan.against_wall(home.toilet(plan.palette), reach=0.4)
    plan.against_wall(home.washbasin(plan.palette), reach=0.4)
    plan.against_wall(home.cabinet(plan.palette, width=plan.rng.uniform(0.5, 0.8), height=plan.rng.uniform(0.8, 1.6)))
    plan.hang(home.picture(plan.palette))
    plan.against_wall(home.rack(plan.palette))
    clutter(plan, 2)


def furnish_studio(plan: Plan) -> None:
    """Kitchen and living room: counter with a sink, refrigerator, table and chairs, sofa, bookcase."""
    add_door(plan, 0)
    add_window(plan, 2, curtains=True)
    kitchen(plan)
    plan.against_wall(home.refrigerator(plan.palette), reach=0.5)
    if plan.rng.random() < 0.5:
        dining(plan, furniture.table(plan.palette, width=plan.rng.uniform(1.1, 1.6), depth=0.8))
    else:
        dining(plan, furniture.round_table(plan.palette, radius=0.5))
    sitting(plan, int(plan.rng.integers(2, 4)))
    plan.against_wall(furniture.bookcase(plan.palette, width=plan.rng.uniform(0.8, 1.2)), reach=0.3)
    plan.hang(home.picture(plan.palette))
    plan.against_wall(home.cabinet(plan.palette, width=1.0, height=plan.rng.uniform(0.6, 1.1)))
    plan.in_the_open(home.ottoman(plan.palette), margin=0.4)
    clutter(plan, 4)


def structure(plan: Plan, *, beams: int, columns: int) -> None:
    """Lamps and beams under the ceiling, columns."""
    for _ in range(beams):
        along = bool(plan.rng.integers(2))
        length = (plan.width if along else plan.depth) - 0.04
        piece = furniture.beam(plan.palette, length=length, height=plan.height - 0.001)
        across = plan.rng.uniform(0.6, (plan.depth if along else plan.width) - 0.6)
        place = (plan.width / 2, across, 0.0) if along else (across, plan.depth / 2, 0.0)
        plan.put(piece, place, 0.0 if along else math.pi / 2)
    for number in range(columns):
        piece = furniture.column(plan.palette, height=plan.height - 0.001)
        if number % 2 or not plan.in_corner(piece):
            plan.against_wall(piece)
    for _ in range(2):
        lamp = furniture.ceiling_lamp(plan.palette, height=plan.height - 0.001)
        plan.in_the_open(lamp, margin=0.3, yaws=(0.0, math.pi / 2))


def workplace(plan: Plan) -> None:
    """A desk against a wall, a chair before it, a screen and more on it."""
    placed = plan.against_wall(furniture.desk(plan.palette, width=plan.rng.uniform(1.2, 1.7)))
    if placed is None:
        return
    seat(plan, placed, [(plan.rng.uniform(-0.2, 0.2), placed.piece.size[1] / 2, math.pi)], furniture.office_chair)
    for piece in (small.monitor(plan.palette), small.keyboard(plan.palette)):
        plan.on_top(placed, piece)
    dress(plan, placed, 3)


def sitting(plan: Plan, seats: int) -> None:
    """A sofa, and a low table before it."""
    placed = plan.against_wall(furniture.sofa(plan.palette, seats=seats))
    if placed is None or seats < 2:
        return
    low = furniture.table(plan.palette, width=plan.rng.uniform(0.8, 1.2), depth=0.55, height=0.42, kind="coffee table")
    dress(plan, plan.put(low, placed.at(0, placed.piece.size[1] / 2 + plan.rng.uniform(0.65, 0.8)), placed.yaw), 2)


def dining(plan: Plan, piece: furniture.Piece) -> None:
    """A table in the open with chairs around it."""
    placed = plan.in_the_open(piece, margin=0.9, yaws=(0.0, math.pi / 2))
    if placed is None:
        return
    width, depth, _ = piece.size
    count = max(1, round((width - 0.3) / 0.65))
    along = (np.arange(count) + 0.5) / count * width - width / 2
    seats = [(float(x), side * depth / 2, (side + 1) / 2 * math.pi) for x in along for side in (-1, 1)]
    seats += [(side * width / 2, 0.0, side * math.pi / 2) for side in (-1, 1)]
    seat(plan, placed, seats, furniture.chair if plan.rng.random() < 0.6 else furniture.office_chair)
    dress(plan, placed, 4)


def seat(
    plan: Plan,
    placed: Placed,
    seats: list[tuple[float, float, float]],
    builder: Callable[[Palette], furniture.Piece],
) -> None:
    """Chairs at the edges of a table, (x, y, yaw) in its own frame, pushed under it as far as chance and legs allow."""
    model = builder(plan.palette)
    for x, y, yaw in seats:
        if plan.rng.random() < 0.12:
            continue
        turn = yaw + plan.rng.uniform(-0.3, 0.3)
        for away in sorted(plan.rng.uniform(0.0, 0.5, 4)):
            place = placed.at(x + away * math.sin(yaw), y - away * math.cos(yaw))
            if plan.put(model, place, placed.yaw + turn):
                break


def kitchen(plan: Plan) -> None:
    """A row along a wall: cabinet, worktop, sink."""
    below, top, sink = home.counter(plan.palette, width=plan.rng.uniform(1.6, 2.4))
    placed = plan.against_wall(below, reach=0.6, gap=0.06)
    if placed:
        on = plan.put(top, placed.place, placed.yaw, check=False)
        plan.put(sink, placed.place, placed.yaw, check=False)
        dress(plan, on, 2)


def dress(plan: Plan, placed: Placed | None, most: int) -> None:
    """Small things on top of a piece."""
    if placed is None:
        return
    for piece in small.some(plan.palette, small.ON_TABLE, int(plan.rng.integers(most + 1))):
        plan.on_top(placed, piece)


def clutter(plan: Plan, most: int) -> None:
    """Small things on the floor, by the walls and elsewhere."""
    for piece in small.some(plan.palette, small.ON_FLOOR, int(plan.rng.integers(most // 2, most + 1))):
        if plan.rng.random() < 0.6:
            plan.against_wall(piece)
        else:
            plan.in_the_open(piece, margin=0.2)


Ranges = tuple[tuple[float, float], ...]
STYLES: dict[str, tuple[Ranges, Callable[[Plan], None]]] = {
    "office": (((4.0, 6.0), (4.0, 5.5), (2.6, 3.0)), furnish_office),
    "conferenceRoom": (((5.0, 7.0), (4.2, 6.0), (2.6, 3.0)), furnish_meeting),
    "lounge": (((5.0, 7.0), (4.5, 6.0), (2.6, 3.1)), furnish_lounge),
    "hallway": (((7.0, 9.0), (2.2, 2.8), (2.6, 3.0)), furnish_hallway),
    "bedroom": (((4.0, 5.5), (3.6, 5.0), (2.5, 2.8)), furnish_bedroom),
    "bathroom": (((2.8, 3.6), (2.6, 3.2), (2.4, 2.7)), furnish_bathroom),
    "studio": (((5.5, 7.0), (4.5, 6.0), (2.5, 2.9)), furnish_studio),
    "study": (((4.0, 6.0), (4.0, 5.5), (2.6, 3.0)), furnish_office),
}
