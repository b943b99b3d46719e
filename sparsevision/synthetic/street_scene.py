"""Builds one street: ground, what lines it, cars and persons, and the camera's way through it, all from one generator.

The road runs along z (see street_render for the frame); the camera drives on its right half.
"""

import math
from collections.abc import Callable, Set
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sparsevision.synthetic.street_render import Pose, Surfaces
from sparsevision.synthetic.street_textures import WALK_PHASES, Textures

BACKGROUND, BUILDING, FENCE, PERSON, POLE, ROAD, SIDEWALK, VEGETATION, CAR, WALL, SIGN = range(11)
FAR = 130.0  # metres; where the ground ends
BEHIND = -3.0
STEPS_HZ = 1.0  # step cycles of a walker per second
LININGS = ("building", "wall", "fence", "hedge", "fence", "wall")
SOMETIMES = ("wall", "fence", "person", "pole", "sign", "car")  # what a street may lack; without poles, no signs
SHARE_LACKING = 0.4


@dataclass(frozen=True)
class Drive:
    """The camera's way: speed in m/s, amplitudes of yaw and pitch in radians and of sway and bounce in metres."""

    start: tuple[float, float, float]
    speed: float
    yaw: float
    pitch: float
    sway: float
    rates_hz: tuple[float, float]
    phases: tuple[float, float]

    def pose_at(self, time: float) -> Pose:
        """Pose at a time in seconds."""
        slow, quick = (
            math.sin(2 * math.pi * (rate * time + phase))
            for rate, phase in zip(self.rates_hz, self.phases, strict=True)
        )
        x, y, z = self.start
        return Pose(
            (x + self.sway * slow, y + 0.3 * self.sway * quick, z + self.speed * time),
            self.yaw * slow,
            self.pitch * quick,
        )


@dataclass(frozen=True)
class Street:
    """A scene with its textures, its sky (float32, from above to below) and the way through it."""

    surfaces: Surfaces
    textures: Textures
    sky: NDArray
    drive: Drive


@dataclass
class SurfaceList:
    """Collects surfaces; `as_arrays` gives them to the renderer."""

    textures: Textures
    rng: np.random.Generator
    rows: list[tuple] = field(default_factory=list)

    def pick(self, kind: str) -> int:
        """A variant of a kind of texture."""
        return int(self.rng.choice(self.textures.numbers[kind]))

    def add(
        self,
        origin: tuple[float, float, float],
        u: tuple[float, float, float],
        v: tuple[float, float, float],
        *,
        texture: int,
        label: int,
        repeat: tuple[float, float] = (1.0, 1.0),
        gain: float = 1.0,
        velocity: tuple[float, float, float] = (0.0, 0.0, 0.0),
        phases: int = 1,
        phase_rate: float = 0.0,
        phase_start: float = 0.0,
    ) -> None:
        """One parallelogram; the arguments are those of `Surfaces`."""
        self.rows.append((origin, u, v, velocity, texture, repeat, label, gain, phases, phase_rate, phase_start))

    def upright(
        self, start: tuple[float, float], end: tuple[float, float], *, bottom: float, top: float, **look
    ) -> None:
        """A vertical surface over the ground from `start` to `end` (x, z), between two heights."""
        along = (end[0] - start[0], 0.0, end[1] - start[1])
        self.add((start[0], -top, start[1]), along, (0.0, top - bottom, 0.0), **look)

    def flat(self, x: tuple[float, float], z: tuple[float, float], *, height: float = 0.0, **look) -> None:
        """A horizontal surface."""
        self.add((x[0], -height, z[0]), (x[1] - x[0], 0.0, 0.0), (0.0, 0.0, z[1] - z[0]), **look)

    def as_arrays(self) -> Surfaces:
        """The scene for the renderer."""
        origin, u, v, velocity, texture, repeat, label, gain, phases, rate, start = zip(*self.rows, strict=True)
        places = (np.array(values, dtype=np.float64) for values in (origin, u, v, velocity))
        return Surfaces(
            *places, np.array(texture, np.int64), np.array(repeat, np.float64), np.array(label, np.uint8),
            np.array(gain, np.float64), np.array(phases, np.int64), np.array(rate, np.float64),
            np.array(start, np.float64),
        )  # fmt: skip


def make_street(textures: Textures, *, rng: np.random.Generator) -> Street:
    """A street with most classes somewhere along the first tens of metres; each of `SOMETIMES` may be missing."""
    scene = SurfaceList(textures, rng)
    here = {kind for kind in SOMETIMES if rng.random() >= SHARE_LACKING}
    half_road, walk = rng.uniform(3.2, 4.0), rng.uniform(1.6, 2.5)
    drive = _drive(rng, half_road)
    _lay_ground(scene, half_road, walk)
    for side in (-1, 1):
        _line_side(scene, side, half_road + walk, here)
        _plant_kerb(scene, side, half_road, walk, here)
        if "car" in here:
            _park_cars(scene, side, half_road)
        if "person" in here:
            _walk_along(scene, side, half_road, walk)
    if "car" in here:
        _drive_cars(scene, half_road, drive.speed)
    if "person" in here:
        _cross_road(scene, half_road)
    _close_view(scene, half_road + walk)
    return Street(scene.as_arrays(), textures, _sky(rng), drive)


def _drive(rng: np.random.Generator, half_road: float) -> Drive:
    return Drive(
        start=(half_road * rng.uniform(0.0, 0.2), -rng.uniform(1.35, 1.7), 0.0),
        speed=rng.uniform(7.5, 11.0),
        yaw=rng.uniform(0.02, 0.06),
        pitch=rng.uniform(0.003, 0.008),
        sway=rng.uniform(0.02, 0.08),
        rates_hz=(rng.uniform(0.4, 0.8), rng.uniform(1.2, 2.0)),
        phases=(rng.random(), rng.random()),
    )


def _sky(rng: np.random.Generator) -> NDArray:
    top, horizon = rng.uniform(0.7, 0.85), rng.uniform(0.88, 0.98)
    return np.linspace(top, 2 * horizon - top, 16, dtype=np.float32).clip(0, 1)


def _lay_ground(scene: SurfaceList, half_road: float, walk: float) -> None:
    along = (BEHIND, FAR)
    length = FAR - BEHIND
    scene.flat(
        (-half_road, half_road), along, texture=scene.pick("road"), label=ROAD, repeat=(half_road / 2, length / 4)
    )
    dash, gap, start = 2.5, 3.5, scene.rng.uniform(0, 6)
    for z in np.arange(BEHIND + start, 60, dash + gap):
        scene.flat((-0.12, 0.12), (z, z + dash), height=0.004, texture=scene.pick("marking"), label=ROAD)
    slabs = scene.pick("sidewalk")
    outer = half_road + walk
    for side in (-1, 1):
        x = sorted((side * half_road, side * outer))
        scene.flat((x[0], x[1]), along, texture=slabs, label=SIDEWALK, repeat=(walk / 1.6, length / 1.6))
        edge = sorted((side * (half_road - 0.18), side * half_road))
        scene.flat(
            (edge[0], edge[1]),
            along,
            height=0.004,
            texture=scene.pick("marking"),
            label=SIDEWALK,
            repeat=(1, length / 2),
        )
        x = sorted((side * outer, side * (outer + 40)))
        scene.flat((x[0], x[1]), along, texture=scene.pick("lawn"), label=VEGETATION, repeat=(16, length / 2.5))


def _line_side(scene: SurfaceList, side: int, x: float, here: Set[str]) -> None:
    """Facades, hedges, and walls and fences where there are any, in a row along the outer edge of the sidewalk."""
    linings = [kind for kind in LININGS if kind in here or kind not in SOMETIMES]
    builders: dict[str, Callable[[SurfaceList, int, float, float, float], None]] = {
        "building": _building,
        "wall": _wall,
        "fence": _fence,
        "hedge": _hedge,
    }
    z = BEHIND + scene.rng.uniform(0, 3)
    while z < 75:
        for kind in scene.rng.permutation(linings):
            length = float(scene.rng.uniform(7, 12) if kind == "building" else scene.rng.uniform(5, 9))
            builders[str(kind)](scene, side, x, z, z + length)
            z += length + float(scene.rng.choice([0.0, 0.0, 1.5]))


def _building(scene: SurfaceList, side: int, x: float, start: float, stop: float) -> None:
    height = float(scene.rng.uniform(5, 11))
    texture, gain = scene.pick("building"), float(scene.rng.uniform(0.8, 1.1))
    look = {"bottom": 0.0, "top": height, "texture": texture, "label": BUILDING}
    rows = max(1, round(height / 2.6))
    scene.upright(
        (side * x, start), (side * x, stop), repeat=(max(1, round((stop - start) / 2.4)), rows), gain=gain, **look
    )
    for z in (start, stop):
        scene.upright((side * x, z), (side * (x + 8), z), repeat=(3, rows), gain=gain * 0.75, **look)


def _wall(scene: SurfaceList, side: int, x: float, start: float, stop: float) -> None:
    height = float(scene.rng.uniform(2.2, 3.2))
    look = {"bottom": 0.0, "top": height, "texture": scene.pick("wall"), "label": WALL}
    scene.upright((side * x, start), (side * x, stop), repeat=((stop - start) / 1.8, height / 1.8), **look)
    _fill_background(scene, side, x, start, stop)


def _fence(scene: SurfaceList, side: int, x: float, start: float, stop: float) -> None:
    look = {"bottom": 0.0, "top": float(scene.rng.uniform(1.9, 2.6)), "texture": scene.pick("fence"), "label": FENCE}
    scene.upright((side * x, start), (side * x, stop), repeat=((stop - start) / 1.6, 1), **look)
    _fill_background(scene, side, x, start, stop)


def _hedge(scene: SurfaceList, side: int, x: float, start: float, stop: float) -> None:
    height = float(scene.rng.uniform(1.6, 3.5))
    look = {"bottom": 0.0, "top": height, "texture": scene.pick("hedge"), "label": VEGETATION}
    scene.upright((side * x, start), (side * x, stop), repeat=((stop - start) / 2.5, height / 2.5), **look)
    scene.upright((side * x, start), (side * (x + 1.5), start), repeat=(0.6, height / 2.5), gain=0.8, **look)
    _fill_background(scene, side, x, start, stop)


def _fill_background(scene: SurfaceList, side: int, x: float, start: float, stop: float) -> None:
    """Behind something low: a tree, a house farther back, or the sky."""
    kind = scene.rng.choice(["tree", "house", "sky", "sky"])
    if kind == "tree":
        _tree(scene, side * (x + scene.rng.uniform(1.5, 3)), (start + stop) / 2)
    elif kind == "house":
        _building(scene, side, x + float(scene.rng.uniform(5, 8)), start, stop)


def _tree(scene: SurfaceList, x: float, z: float) -> None:
    height, width = float(scene.rng.uniform(4.0, 6.5)), float(scene.rng.uniform(2.5, 4.0))
    trunk = height * 0.4
    scene.upright(
        (x - 0.15, z),
        (x + 0.15, z),
        bottom=0,
        top=trunk,
        texture=scene.pick("hedge"),
        label=VEGETATION,
        gain=0.6,
        repeat=(0.1, 1),
    )
    scene.upright(
        (x - width / 2, z - 0.05),
        (x + width / 2, z - 0.05),
        bottom=trunk * 0.8,
        top=height,
        texture=scene.pick("crown"),
        label=VEGETATION,
    )


def _plant_kerb(scene: SurfaceList, side: int, half_road: float, walk: float, here: Set[str]) -> None:
    """Lamp posts, posts with signs, and trees along the kerb."""
    z = float(scene.rng.uniform(4, 8))
    x = side * (half_road + 0.4)
    while z < 48:
        kind = scene.rng.choice(["lamp", "sign", "sign", "tree"])
        if kind == "lamp" and "pole" in here:
            _post(scene, x, z, float(scene.rng.uniform(4.5, 6)), width=0.28)
        elif kind == "sign" and {"pole", "sign"} <= here:
            _sign(scene, x, z)
        elif kind == "tree" and walk > 2.2:
            _tree(scene, side * (half_road + walk - 0.5), z)
        z += float(scene.rng.uniform(5, 10))


def _post(scene: SurfaceList, x: float, z: float, height: float, *, width: float) -> None:
    scene.upright((x - width / 2, z), (x + width / 2, z), bottom=0, top=height, texture=scene.pick("pole"), label=POLE)


def _sign(scene: SurfaceList, x: float, z: float) -> None:
    side, middle = float(scene.rng.uniform(0.9, 1.3)), float(scene.rng.uniform(2.1, 2.8))
    _post(scene, x, z, middle + side / 2, width=0.2)
    look = {"bottom": middle - side / 2, "top": middle + side / 2, "texture": scene.pick("sign"), "label": SIGN}
    scene.upright((x - side / 2, z - 0.06), (x + side / 2, z - 0.06), **look)


def _car(scene: SurfaceList, x: float, z: float, *, along: bool = True, velocity: float = 0.0) -> None:
    """A car of two boxes with its middle at (x, z), along or across the road; velocity in m/s along its length."""
    length, width = float(scene.rng.uniform(3.8, 4.6)), float(scene.rng.uniform(1.7, 1.9))
    speed = (0.0, 0.0, velocity) if along else (velocity, 0.0, 0.0)
    side, end, top = (scene.pick(kind) for kind in ("car_side", "car_end", "car_top"))
    pane, screen = scene.pick("cabin_side"), scene.pick("cabin_end")
    gain = float(scene.rng.uniform(0.8, 1.15))
    lower = {"length": length, "width": width, "bottom": 0.0, "top": 0.9, "textures": (side, end, top)}
    upper = {"length": length * 0.55, "width": width * 0.86, "bottom": 0.9, "top": 1.5, "textures": (pane, screen, top)}
    for box in (lower, upper):
        _box(scene, x, z, along=along, gain=gain, velocity=speed, **box)


def _box(scene, x, z, *, length, width, bottom, top, textures, along, gain, velocity) -> None:
    """Four sides and the top of a box of class car; textures of long sides, short sides and top."""
    half_x, half_z = (width / 2, length / 2) if along else (length / 2, width / 2)
    in_x, in_z = (textures[1], textures[0]) if along else (textures[0], textures[1])
    look = {"bottom": bottom, "top": top, "label": CAR, "velocity": velocity}
    left, right, near, far = x - half_x, x + half_x, z - half_z, z + half_z
    for edge in (near, far):
        scene.upright((left, edge), (right, edge), texture=in_x, gain=gain, **look)
    for edge in (left, right):
        scene.upright((edge, near), (edge, far), texture=in_z, gain=gain * 0.85, **look)
    scene.flat((left, right), (near, far), height=top, texture=textures[2], gain=gain, label=CAR, velocity=velocity)


def _park_cars(scene: SurfaceList, side: int, half_road: float) -> None:
    z = float(scene.rng.uniform(8, 16))
    while z < 45:
        if scene.rng.random() < 0.45:
            _car(scene, side * (half_road - 0.8), z)
        z += float(scene.rng.uniform(7, 14))


def _drive_cars(scene: SurfaceList, half_road: float, own_speed: float) -> None:
    """One ahead, one coming, sometimes one that crosses."""
    rng = scene.rng
    if rng.random() < 0.7:
        _car(scene, half_road * 0.3, float(rng.uniform(8, 14)), velocity=own_speed + float(rng.uniform(-2, 3)))
    if rng.random() < 0.7:
        _car(scene, -half_road * 0.4, float(rng.uniform(20, 38)), velocity=-float(rng.uniform(5, 10)))
    if rng.random() < 0.4:
        heading = float(rng.choice([-1.0, 1.0]))
        _car(
            scene,
            -heading * rng.uniform(2, 8),
            float(rng.uniform(20, 28)),
            along=False,
            velocity=heading * float(rng.uniform(4, 8)),
        )


def _person(scene: SurfaceList, x: float, z: float, velocity: tuple[float, float, float]) -> None:
    height = float(scene.rng.uniform(1.6, 1.95))
    half = height / 4
    scene.upright(
        (x - half, z), (x + half, z), bottom=0, top=height, texture=scene.pick("person"), label=PERSON,
        velocity=velocity, gain=float(scene.rng.uniform(0.85, 1.1)), phases=WALK_PHASES,
        phase_rate=STEPS_HZ * WALK_PHASES, phase_start=float(scene.rng.uniform(0, WALK_PHASES)),
    )  # fmt: skip


def _walk_along(scene: SurfaceList, side: int, half_road: float, walk: float) -> None:
    z = float(scene.rng.uniform(5, 9))
    while z < 32:
        x = side * (half_road + float(scene.rng.uniform(0.7, walk - 0.3)))
        _person(scene, x, z, (0.0, 0.0, float(scene.rng.choice([-1.3, 1.3]))))
        z += float(scene.rng.uniform(4, 11))


def _cross_road(scene: SurfaceList, half_road: float) -> None:
    for _ in range(int(scene.rng.integers(1, 4))):
        heading = float(scene.rng.choice([-1.0, 1.0]))
        x = float(scene.rng.uniform(-half_road, half_road))
        _person(scene, x, float(scene.rng.uniform(14, 30)), (heading * float(scene.rng.uniform(1.0, 2.2)), 0.0, 0.0))


def _close_view(scene: SurfaceList, x: float) -> None:
    """What stands at the end of the road: a row of houses, trees, or nothing."""
    kind = scene.rng.choice(["houses", "trees", "open"])
    z = float(scene.rng.uniform(75, 110))
    if kind == "houses":
        look = {
            "bottom": 0,
            "top": float(scene.rng.uniform(6, 12)),
            "texture": scene.pick("building"),
            "label": BUILDING,
        }
        scene.upright((-x - 8, z), (x + 8, z), repeat=(10, 4), **look)
    elif kind == "trees":
        for place in np.arange(-x, x, 4):
            _tree(scene, float(place), z)
