"""The real host, behind a go-between that makes the extension's hello offer versions that no host speaks."""

from __future__ import annotations

import json
import struct
import subprocess
import sys


def main() -> int:
    host = subprocess.Popen([sys.executable, "-m", "srae_host", *sys.argv[1:]], stdin=subprocess.PIPE)
    assert host.stdin is not None
    browser = sys.stdin.buffer
    while len(header := browser.read(4)) == 4:
        frame = json.loads(browser.read(struct.unpack("=I", header)[0]))
        if frame.get("action") == "hello":
            frame["params"]["protocol"] = {"min": 98, "max": 99}
        data = json.dumps(frame).encode()
        host.stdin.write(struct.pack("=I", len(data)) + data)
        host.stdin.flush()
    host.stdin.close()
    return host.wait()


if __name__ == "__main__":
    sys.exit(main())
