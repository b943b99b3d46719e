"""Motion-I2V in small as a whole: an image and some drags to motion (64 x 64 pixels) and frames (of 32 x 32).

Nothing is trained with this config: each stage has its own, and the weights of both are put together.

    python tools/motion_i2v.py photo.png --drag "20,30 44,30" --config configs/motion_i2v/tiny_motion_i2v_shapes.py \
        --motion work_dirs/tiny_motion_i2v_tracks_700i_shapes/iter_700.pth \
        --frames work_dirs/tiny_motion_i2v_frames_1500i_shapes/iter_1500.pth --out work_dirs/drags
"""

from mmengine.config import read_base

from sparsevision.methods.motion_i2v import MotionI2V

with read_base():
    from .tiny_motion_i2v_frames_1500i_shapes import model as frames
    from .tiny_motion_i2v_tracks_700i_shapes import *

model = dict(type=MotionI2V, motion=model, frames=frames, frame_size=(32, 32))
image_size = (64, 64)
load_from = None
