"""What goes into a zip for AWS Lambda, and what is told when it cannot be made."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tools.lambda_package import cli, packages
from tools.lambda_package.errors import PackageError
from tools.lambda_package.target import MACHINES, Target
from tools.lambda_package.tree import add_modules, compile_all, interpreter

HERE = ".".join(map(str, sys.version_info[:2]))
OTHER = "3.13" if HERE == "3.12" else "3.12"
MACHINE = "arm64" if os.uname().machine == "aarch64" else "x86_64"
TARGET = Target(HERE, MACHINE)


@pytest.mark.parametrize(
    ("choices", "more", "without"),
    [
        ([], {"protobuf", "pyyaml"}, {"boto3", "confluent-kafka", "fastavro", "typer"}),
        (["kafka"], {"confluent-kafka", "tenacity"}, {"boto3"}),
        (["msk"], {"confluent-kafka", "aws-msk-iam-sasl-signer-python"}, {"botocore"}),
        (["boto3"], {"boto3", "botocore", "urllib3"}, {"confluent-kafka"}),
        (["msk", "boto3"], {"botocore", "aws-msk-iam-sasl-signer-python"}, set()),
        (["avro"], {"fastavro"}, {"boto3"}),
    ],
)
def test_what_is_put_in_by_choice(choices, more, without):
    names = set(packages.names_of(choices, TARGET))
    assert more <= names
    assert names & without == set()
    entries = packages.locked(names, cli.LOCK, TARGET)
    assert all("--hash=sha256:" in entry for entry in entries)


def test_a_condition_holds_where_the_function_runs():
    def needs(python):
        return "typing-extensions" in packages.names_of([], Target(python, "arm64"))

    assert (needs("3.12"), needs("3.13")) == (True, False)


def test_wheels_are_of_a_linux_no_newer_than_lambdas():
    assert Target("3.11", "x86_64").platforms[0] == "manylinux_2_26_x86_64"
    assert Target("3.13", "arm64").platforms[0] == "manylinux_2_34_aarch64"
    assert Target("3.13", "arm64").platforms[-1] == "manylinux2014_aarch64"
    assert MACHINES.keys() == {"x86_64", "arm64"}


def test_a_package_that_is_not_locked_is_named(tmp_path):
    lock = tmp_path / "dev.txt"
    lock.write_text("protobuf==1 \\\n    --hash=sha256:00\n", "utf-8")
    with pytest.raises(PackageError, match=r"dev.txt lacks pyyaml: run requirements/lock.sh"):
        packages.locked(["protobuf", "pyyaml"], lock, TARGET)


def test_wheels_with_other_hashes_are_refused(tmp_path):
    wheel = tmp_path / "changed-1.0-py3-none-any.whl"
    wheel.touch()
    requirements = tmp_path / "requirements.txt"
    requirements.write_text(f"changed @ {wheel.as_uri()} --hash=sha256:{'0' * 64}\n", "utf-8")
    with pytest.raises(PackageError, match="THESE PACKAGES DO NOT MATCH THE HASHES"):
        packages.install(requirements, tmp_path / "task", TARGET)


@pytest.mark.parametrize("name", ["yaml.py", "yaml", "google"])
def test_a_module_that_would_hide_another_is_refused(tmp_path, name):
    folder = tmp_path / "task"
    (folder / "yaml").mkdir(parents=True)
    (folder / "google").mkdir()
    own = tmp_path / name
    own.touch()
    with pytest.raises(PackageError, match="give it another name"):
        add_modules([own], folder)


def test_a_module_that_is_not_there_is_told_at_once(tmp_path, capsys):
    words = ["--into", str(tmp_path / "zips"), "--module", str(tmp_path / "email.py")]
    assert cli.main(words) == 1
    assert capsys.readouterr().err.endswith("email.py: --module takes a file or a folder\n")
    assert not (tmp_path / "zips").exists()


def test_a_module_that_is_no_python_is_shown(tmp_path):
    (tmp_path / "emails.py").write_text("def handler(:\n", "utf-8")
    with pytest.raises(PackageError, match=r"def handler\(:"):
        compile_all(tmp_path, sys.executable)


def test_a_trial_wants_the_python_that_is_here(tmp_path, capsys):
    event = ["--module", str(Path(__file__)), "--try", "event.json"]
    assert cli.main(["--python", OTHER, "--into", str(tmp_path), *event]) == 1
    assert f"to try it, add --python {HERE}" in capsys.readouterr().err


def test_a_python_that_only_seems_to_be_there_is_none(tmp_path, monkeypatch):
    stand_in = tmp_path / f"python{OTHER}"
    stand_in.write_text("#!/bin/sh\necho not found >&2\nexit 127\n", "utf-8")
    stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert interpreter(OTHER) is None
    assert interpreter(HERE) == sys.executable
