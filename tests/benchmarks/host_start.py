"""How long the native host takes from the start of its process to the answer to hello.

    python tests/benchmarks/host_start.py [TIMES]

Beside it, interleaved, what a Python takes that does nothing: the rest is the host's own. Prints one JSON object.
"""

import json
import statistics
import struct
import subprocess
import sys
import time
from pathlib import Path

HOST = (str(Path(sys.executable).parent / "srae-host"), "chrome-extension://ojmbpmiebdaininhleljkmghomdficil/")
REQUEST = {
    "type": "request",
    "id": "a",
    "action": "hello",
    "params": {"protocol": {"min": 1, "max": 1}, "client": "benchmark"},
}


def hello_ms() -> float:
    """From the start of the process to the whole frame of the answer."""
    text = json.dumps(REQUEST).encode()
    began = time.perf_counter()
    with subprocess.Popen(HOST, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(struct.pack("=I", len(text)) + text)
        process.stdin.flush()
        answer = json.loads(process.stdout.read(struct.unpack("=I", process.stdout.read(4))[0]))
        took = 1000 * (time.perf_counter() - began)
        process.stdin.close()
    assert answer["type"] == "result", answer
    return took


def nothing_ms() -> float:
    """A Python that starts and ends."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    return 1000 * (time.perf_counter() - began)


def summary(times: list[float]) -> dict[str, float]:
    return {"median_ms": round(statistics.median(times), 1), "largest_ms": round(max(times), 1)}


def main() -> None:
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    pairs = [(hello_ms(), nothing_ms()) for _ in range(times)]
    told = {
        "times": times,
        "hello": summary([hello for hello, _ in pairs]),
        "python": summary([bare for _, bare in pairs]),
    }
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
