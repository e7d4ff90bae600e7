"""The command ``srae-host``."""


def main() -> int:
    raise SystemExit("not yet")
