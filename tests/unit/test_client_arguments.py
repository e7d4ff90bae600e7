"""The command line's help is complete, quick, and true."""

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from srae_client import main
from srae_client.arguments import FORMATS, build_parser
from srae_client.files import PHOTO_TYPES


def commands() -> dict[str, argparse.ArgumentParser]:
    parser = build_parser()
    (subparsers,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    return dict(subparsers.choices)


def options() -> Iterator[tuple[str, argparse.Action]]:
    for name, parser in {"": build_parser(), **commands()}.items():
        for action in parser._actions:
            if not isinstance(action, argparse._SubParsersAction):
                yield name, action


def test_every_command_is_in_the_help_and_has_examples() -> None:
    overview = build_parser().format_help()
    assert set(commands()) == {"protect", "restore", "evaluate", "serve", "keys", "ledger", "share"}
    for name, parser in commands().items():
        assert f"\n    {name} " in overview
        if name != "serve":  # whose help is the server's own
            assert parser.description
            assert f"srae {name} " in (parser.epilog or "")


def test_every_option_is_documented() -> None:
    for command, action in options():
        assert action.help, f"srae {command} {action.dest} has no help"
        assert len(action.help) > 10


def test_the_examples_parse(capsys: pytest.CaptureFixture[str]) -> None:
    examples = [
        line.strip().split("  ")[0].split()[1:]
        for parser in [build_parser(), *commands().values()]
        for line in (parser.epilog or "").splitlines()
        if line.startswith("  srae ")
    ]
    assert len(examples) > 10
    for example in examples:
        build_parser().parse_args(example)


def test_formats_and_endings_name_the_same_types() -> None:
    assert set(FORMATS.values()) - {""} <= set(PHOTO_TYPES.values())


def test_help_does_not_wait_for_grpc() -> None:
    code = (
        "import sys; from srae_client.main import main\n"
        "try: main(['protect', '--help'])\n"
        "finally: print('grpc' in sys.modules, 'rich' in sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.strip()) == (0, "False False")


def test_the_help_promises_no_more_than_the_readme(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main.main(["--help"])
    assert "people see hardly any difference" in " ".join(capsys.readouterr().out.split())


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main.main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out.startswith("srae ")


def test_serve_passes_everything_on(monkeypatch: pytest.MonkeyPatch) -> None:
    became: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda _, command: became.append(command))
    main.main(["serve", "--help", "--listen", "unix:/x"])
    assert became == [[sys.executable, "-P", "-m", "services", "--help", "--listen", "unix:/x"]]


def test_serve_without_a_server_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "services", None)
    assert main.main(["serve"]) == 1
    assert "pip install -e '.[embedded]' in the project's folder" in capsys.readouterr().err
