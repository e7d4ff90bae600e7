"""Peak memory of one one-pass protect, in a process of its own: python peak_memory.py 12mp jpeg. Prints JSON."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
from pathlib import Path

from calls import in_process
from sizes import Sample, sample

from services.imaging.receipt import Tier
from services.inference.embedded import EmbeddedBackend


def held_bytes() -> int:
    """What the process holds at the moment."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


class Watch:
    """The most that is held while it runs, sampled every millisecond."""

    def __enter__(self) -> Watch:
        self.most, self._ends = held_bytes(), False
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def _look(self) -> None:
        while not self._ends:
            self.most = max(self.most, held_bytes())
            time.sleep(0.001)

    def __exit__(self, *_: object) -> None:
        self._ends = True
        self._thread.join()


def main() -> None:
    size, file_format = sys.argv[1:]
    loop = asyncio.new_event_loop()
    call = in_process(EmbeddedBackend(Path(__file__).parents[2] / "triton_models"), loop)
    call(sample("224", "png"), Tier.ONE_PASS)  # models and libraries are loaded
    found = sample(size, file_format)
    photo_bytes = found.photo.pixels.size
    # The file alone, as it would come in: the sample's own pixels are not the call's.
    bare = Sample(found.size, found.format, found.file, sample("224", "png").photo)
    sample.cache_clear()
    del found
    before = held_bytes()
    with Watch() as watch:
        call(bare, Tier.ONE_PASS)
    print(json.dumps({"peak_bytes": watch.most - before, "over_photo": (watch.most - before) / photo_bytes}))


if __name__ == "__main__":
    main()
