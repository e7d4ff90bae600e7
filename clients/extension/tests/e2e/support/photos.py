"""Makes the photos that the browser tests choose: python photos.py FOLDER.

They are small crops of scikit-image's sample photos.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from skimage import data


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    astronaut = Image.fromarray(data.astronaut())
    coffee = Image.fromarray(data.coffee())
    cat = Image.fromarray(data.chelsea())
    astronaut.crop((100, 0, 420, 300)).resize((256, 240)).save(folder / "astronaut.png")
    astronaut.resize((256, 256)).save(folder / "astronaut.jpg", quality=92)
    coffee.resize((240, 160)).save(folder / "coffee.png")
    coffee.resize((240, 180)).save(folder / "coffee.webp", lossless=True)
    cat.resize((240, 160)).save(folder / "cat.png")
    cat.resize((240, 176)).save(folder / "misnamed.txt", format="PNG")
    # 16 bits a channel, which Pillow writes for grey alone: OpenCV writes colour.
    deep = np.asarray(cat.resize((240, 160)))[..., ::-1].astype(np.uint16) * 257
    cv2.imwrite(str(folder / "deep.png"), deep)
    # A halftone has room for a code in its grey corner alone: too little to change an answer.
    grey = np.asarray(Image.fromarray(data.camera()).resize((300, 300)))
    halftone = np.asarray(Image.fromarray((grey * 0.6 + 50).astype(np.uint8)).convert("1")).astype(np.uint8) * 255
    halftone[:40, :40] = 128
    Image.fromarray(np.repeat(halftone[..., None], 3, axis=2)).save(folder / "halftone.png")
    frames = [Image.fromarray(np.full((40, 40), value, np.uint8)) for value in (0, 255)]
    frames[0].save(folder / "moving.gif", save_all=True, append_images=frames[1:])
    (folder / "clip.mp4").write_bytes(b"\0\0\0\x18ftypisom\0\0\2\0isomiso2mp41" + b"\0\0\0\x08free" * 20)
    # Each pixel is at an end of its range, so there is no room for a code.
    checkerboard = (np.indices((128, 128)).sum(axis=0) % 2 * 255).astype(np.uint8)
    Image.fromarray(np.repeat(checkerboard[..., None], 3, axis=2)).save(folder / "no-room.png")
    Image.new("RGB", (9000, 6000), (90, 120, 150)).save(folder / "huge.png")
    (folder / "cut-off.jpg").write_bytes((folder / "astronaut.jpg").read_bytes()[:3000])
    (folder / "letter.pdf").write_bytes(b"%PDF-1.4\n" + b"not a photo\n" * 20)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
