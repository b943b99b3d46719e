"""Pose algebra of LLFF: means, recentring, spheres and paths for videos.

Poses are camera to world, (N, 3, 4) or (N, 3, 5): columns right, up, back, centre and, where there is a fifth, height,
width and focal length, which are carried along.

Source: Mildenhall et al., Local Light Field Fusion (SIGGRAPH 2019) and NeRF (ECCV 2020), as SPIn-NeRF uses them.
"""

import numpy as np

VIDEO_FRAMES = 120


def look_at(back: np.ndarray, up: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """The pose (3, 4) of a camera at `centre` (3,) whose back points along `back` and that holds `up` upwards."""
    back = _unit(back)
    right = _unit(np.cross(up, back))
    return np.stack((right, np.cross(back, right), back, centre), axis=1)


def average_pose(poses: np.ndarray) -> np.ndarray:
    """The mean camera, (3, 5) of (N, 3, 5) or (3, 4) of (N, 3, 4); height, width and focal are those of the first.

    Its centre is the mean centre, its back the mean back, and its up as near to the mean up as that allows.
    """
    mean = look_at(poses[:, :3, 2].sum(0), poses[:, :3, 1].sum(0), poses[:, :3, 3].mean(0))
    return np.concatenate((mean, poses[0, :3, 4:]), axis=1)


def recenter_poses(poses: np.ndarray) -> np.ndarray:
    """Poses in the frame of their mean camera. poses (N, 3, 5); returns (N, 3, 5), float64."""
    return transform_poses(invert(average_pose(poses)), poses)


def closest_to_mean(poses: np.ndarray) -> int:
    """Index of the camera whose centre is nearest to the mean centre. poses (N, 3, 4 or 5)."""
    centres = poses[:, :3, 3]
    return int(np.argmin(((centres - centres.mean(0)) ** 2).sum(1)))


def spherify_poses(poses: np.ndarray, bounds: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Poses that look inwards, moved so that what they look at is the origin and their mean distance from it is 1.

    Args:
        poses: (N, 3, 5).
        bounds: (N, 2) depths; they are scaled as the poses are.

    Returns:
        The poses (N, 3, 5), 120 poses (120, 3, 5) on a circle at their mean height, and the bounds (N, 2).
    """
    origin = _nearest_point_to_axes(poses)
    up = _unit((poses[:, :3, 3] - origin).mean(0))
    side = _unit(np.cross((0.1, 0.2, 0.3), up))
    frame = np.stack((side, _unit(np.cross(up, side)), up, origin), axis=1)
    moved = transform_poses(invert(frame), poses)
    scale = 1 / np.sqrt((moved[:, :, 3] ** 2).sum(1).mean())
    moved[:, :, 3] *= scale
    return moved, _circle(moved[:, 2, 3].mean(), poses[0, :3, 4:]), bounds * scale


def spiral_poses(poses: np.ndarray, bounds: np.ndarray, *, frames: int = VIDEO_FRAMES, turns: int = 2) -> np.ndarray:
    """A spiral round the mean camera that looks at one point in front of it, for videos. Shapes as `average_pose`.

    Args:
        poses: (N, 3, 4 or 5).
        bounds: (N, 2) depths; 0.9 of the smallest and 5 times the largest give the depth that is looked at.
        frames: length of the path.
        turns: of the spiral.
    """
    mean = average_pose(poses)
    near, far = bounds.min() * 0.9, bounds.max() * 5
    focus = mean[:, :4] @ (0.0, 0.0, -1 / (0.25 / near + 0.75 / far), 1.0)
    radii = np.percentile(np.abs(poses[:, :3, 3]), 90, axis=0)
    up = poses[:, :3, 1].sum(0)
    angles = np.linspace(0, 2 * np.pi * turns, frames + 1)[:-1]
    offsets = np.stack((np.cos(angles), -np.sin(angles), -np.sin(angles / 2)), axis=1) * radii
    centres = offsets @ mean[:, :3].T + mean[:, 3]
    path = np.stack([look_at(centre - focus, up, centre) for centre in centres])
    return _with_columns(path, poses[0, :3, 4:])


def invert(pose: np.ndarray) -> np.ndarray:
    """The inverse (3, 4) of a rigid or scaled motion, the first four columns of (3, 4 or 5)."""
    linear = np.linalg.inv(pose[:, :3])
    return np.concatenate((linear, -linear @ pose[:, 3:4]), axis=1)


def transform_poses(motion: np.ndarray, poses: np.ndarray) -> np.ndarray:
    """Apply a rigid motion (3, 4) to poses (N, 3, 4 or 5); further columns are kept."""
    moved = motion[:, :3] @ poses[:, :3, :4]
    moved[:, :, 3] += motion[:, 3]
    return np.concatenate((moved, poses[:, :3, 4:]), axis=2)


def _nearest_point_to_axes(poses: np.ndarray) -> np.ndarray:
    """The point (3,) with the least sum of squared distances to all optical axes."""
    axes, centres = poses[:, :3, 2:3], poses[:, :3, 3:4]
    across = np.eye(3) - axes * axes.transpose(0, 2, 1)  # takes the part along the axis away
    squared = across.transpose(0, 2, 1) @ across
    return np.linalg.solve(squared.mean(0), (across @ centres).mean(0))[:, 0]


def _circle(height: float, columns: np.ndarray) -> np.ndarray:
    """Cameras (120, 3, 4 + C) on the unit sphere's circle at this height, looking at the axis with -z as up."""
    radius = np.sqrt(1 - height**2)
    angles = np.linspace(0, 2 * np.pi, VIDEO_FRAMES)
    centres = np.stack((radius * np.cos(angles), radius * np.sin(angles), np.full_like(angles, height)), axis=1)
    return _with_columns(np.stack([_circle_camera(centre) for centre in centres]), columns)


def _circle_camera(centre: np.ndarray) -> np.ndarray:
    outward = _unit(centre)
    right = _unit(np.cross(outward, (0.0, 0.0, -1.0)))
    return np.stack((right, np.cross(outward, right), outward, centre), axis=1)


def _with_columns(poses: np.ndarray, columns: np.ndarray) -> np.ndarray:
    return np.concatenate((poses, np.broadcast_to(columns, (len(poses), *columns.shape))), axis=2)


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)
