"""Images and masks from files, and back: one rule for every odd file, and errors that name the file."""

import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from sparsevision.utils import UserError, atomic_write
from sparsevision.utils.files import BoundedFile

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
CLASS_CODE_LIMIT = 16  # a mask whose largest value is below this holds class codes, not grey levels
FULL_8_BITS, FULL_16_BITS = 2**8 - 1, 2**16 - 1
ORIENTATION = 0x0112  # EXIF's tag
LYING = (5, 6, 7, 8)  # its values where height and width change places


def read_image(path: str | Path, *, upright: bool = False) -> np.ndarray:
    """Read a file as uint8 RGB (H, W, 3).

    Greyscale is repeated in the three channels, an alpha channel is dropped, palettes and CMYK are converted, 16-bit
    levels keep their high byte. The EXIF orientation is not applied, so that masks made on the stored pixels still fit,
    unless `upright` asks for it.

    Raises:
        UserError: the file is missing, empty, truncated or no image.
    """
    image = _decode(path)
    if upright:
        image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I") or image.mode == "F":
        grey = _to_eight_bits(np.asarray(image), path)
        return np.repeat(grey[..., None], 3, axis=2)
    return np.array(image.convert("RGB"))


def read_grey(path: str | Path) -> np.ndarray:
    """Read a file as stored grey levels, uint8 (H, W): class codes stay as they are, colour becomes luminance.

    A palette PNG gives its palette indices if it was saved as a label map (more than black and white in it).

    Raises:
        UserError: see `read_image`.
    """
    image = _decode(path)
    if image.mode.startswith("I") or image.mode == "F":
        return _to_eight_bits(np.asarray(image), path)
    if image.mode == "P" and not _is_black_and_white(image):
        return np.array(image)
    return np.array(image.convert("L"))


def read_class_map(path: str | Path) -> np.ndarray:
    """Read class ids exactly as a PNG stores them, int64 (H, W): 8-bit or 16-bit grey, or the indices of a palette.

    Raises:
        UserError: see `read_image`; or another kind of file, which holds colours, has lost something or could be read
            in two ways.
    """
    with _opened(path) as image:
        stored = str(image.tile[0].args) if image.tile else ""
        few_bits = image.mode == "1" or stored.startswith("L;")
        ids = image.mode in ("L", "P") or image.mode.startswith("I")
        if image.format != "PNG" or few_bits or not ids:
            kind = f"{image.format} of mode {image.mode}{' with less than 8 bits' if few_bits else ''}"
            raise UserError(
                f"{path}: a {kind} is no map of class ids; expected a PNG of 8-bit grey (mode L), 16-bit grey (I;16) "
                "or a palette whose indices are the ids (P). Save the ids themselves, without colours and alpha."
            )
        return np.asarray(_loaded(image, path)).astype(np.int64)


def read_mask(path: str | Path, *, threshold: int = 128) -> np.ndarray:
    """Read a binary mask, bool (H, W): grey level > threshold (spec: GT > 128; 0 for masks coded 0/1).

    Raises:
        UserError: see `read_image`; or the mask holds small class codes that the threshold would wipe out.
    """
    grey = read_grey(path)
    largest = int(grey.max())
    if 0 < largest <= threshold and largest < CLASS_CODE_LIMIT:
        raise UserError(
            f"{path}: the mask's largest value is {largest}, so that nothing lies above the threshold {threshold}. It "
            "seems to be coded in classes instead of 0 and 255: give LoadMask threshold=0, and every non-zero pixel is "
            "foreground."
        )
    return grey > threshold


def read_soft_mask(path: str | Path) -> np.ndarray:
    """Read probabilities, float32 (H, W) in [0, 1]: 8-bit levels / 255, levels of a 16-bit file / 65535.

    Raises:
        UserError: see `read_image`; or the levels are 0 and 1, classes rather than probabilities.
    """
    image = _decode(path)
    deep = image.mode.startswith("I")
    levels = np.asarray(image) if deep else np.asarray(image.convert("L"))
    largest = int(levels.max())
    if image.mode == "F" or levels.min() < 0 or largest > (FULL_16_BITS if deep else FULL_8_BITS):
        raise UserError(f"{path}: holds neither 8-bit nor 16-bit levels. Save the probabilities as a grey PNG.")
    if largest == 1:
        raise UserError(
            f"{path}: the largest level is 1, a probability of 1/{FULL_16_BITS if deep else FULL_8_BITS}. It seems to "
            "be coded in classes: write foreground as 255. If nothing was found in the image, delete the file."
        )
    return levels.astype(np.float32) / np.float32(FULL_16_BITS if deep else FULL_8_BITS)


def image_size(path: str | Path, *, upright: bool = False) -> tuple[int, int]:
    """(height, width) as of `read_image`, from a file's header, without decoding its pixels; it raises the same."""
    with _opened(path) as image:
        turned = upright and image.getexif().get(ORIENTATION, 1) in LYING
        return (image.width, image.height) if turned else (image.height, image.width)


def exif_orientation(path: str | Path) -> int:
    """How a viewer should turn the image, 1 to 8; 1, also where nothing is said, is as it is stored."""
    with _opened(path) as image:
        return int(image.getexif().get(ORIENTATION, 1))


def image_files(
    folder: str | Path, *, recursive: bool = False, suffixes: tuple[str, ...] = IMAGE_SUFFIXES
) -> list[Path]:
    """The images in a folder, sorted; hidden files, such as the ._a.jpg that macOS leaves, are none.

    Args:
        folder: where to look.
        recursive: also in the folders below it, but not in hidden ones.
        suffixes: of what counts, in lower case; those of names may be in any.
    """
    folder = Path(folder)
    there = folder.rglob("*") if recursive else folder.iterdir()
    named = (path for path in there if path.suffix.lower() in suffixes and not path.is_dir())
    return sorted(path for path in named if not any(part[0] == "." for part in path.relative_to(folder).parts))


def write_png(path: str | Path, array: np.ndarray) -> None:
    """Write uint8 (H, W) or (H, W, 3) RGB as PNG, atomically: a reader sees the old file or the whole new one.

    Missing folders are made.
    """
    with atomic_write(path) as file:
        Image.fromarray(np.ascontiguousarray(array, dtype=np.uint8)).save(file, format="PNG")


@contextmanager
def _opened(path: str | Path) -> Iterator[Image.Image]:
    """The image of a file; its pixels are read inside the block. Raises UserError if there is none."""
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: no such file. Expected an image ({', '.join(IMAGE_SUFFIXES)}).")
    if path.stat().st_size == 0:
        raise UserError(f"{path}: the file is empty. Copy or download it again.")
    with ExitStack() as stack:
        yield _recognised(path, stack)


def _recognised(path: Path, stack: ExitStack) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            return Image.open(stack.enter_context(BoundedFile(path)))
    except UnidentifiedImageError:
        raise UserError(
            f"{path}: not an image that can be read (its first bytes fit none of {', '.join(IMAGE_SUFFIXES)}). "
            "Look at the file: it may be a web page or a text saved under an image's name."
        ) from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UserError(f"{path}: cannot be opened as an image ({error}).") from error


def _decode(path: str | Path) -> Image.Image:
    with _opened(path) as image:
        return _loaded(image, path)


def _loaded(image: Image.Image, path: str | Path) -> Image.Image:
    try:
        image.load()
    except (OSError, ValueError, SyntaxError) as error:
        raise UserError(f"{path}: the image is damaged or cut off ({error}). Copy or download it again.") from error
    return image


def _to_eight_bits(values: np.ndarray, path: str | Path) -> np.ndarray:
    """16-bit grey levels to their high byte; a file whose values all fit 8 bits keeps them. values (H, W)."""
    if not np.issubdtype(values.dtype, np.integer) or values.min() < 0 or values.max() > 65535:
        raise UserError(f"{path}: holds {values.dtype} values; expected 8-bit or 16-bit levels. Save it as 8-bit PNG.")
    return (values >> 8 if values.max() > 255 else values).astype(np.uint8)


def _is_black_and_white(image: Image.Image) -> bool:
    palette = np.zeros((FULL_8_BITS + 1, 3), np.uint8)  # a damaged file may use more colours than it names
    named = np.asarray(image.getpalette("RGB"), np.uint8).reshape(-1, 3)
    palette[: len(named)] = named
    used = palette[np.unique(np.asarray(image))]
    return bool(np.isin(used, (0, 255)).all() and (used == used[:, :1]).all())
