from __future__ import annotations

import os
import re

import pytest

from tools.terraform import provider
from tools.terraform.workspace import TERRAFORM

BINARY = (
    "registry.terraform.io/hashicorp/aws/5.100.0/linux_amd64/terraform-provider-aws_v5.100.0_x5"
)


@pytest.fixture(autouse=True)
def nothing_found(monkeypatch, tmp_path):
    provider.plugin_folder.cache_clear()
    for name in ("TF_PLUGIN_DIR", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_DATA_DIRS", str(tmp_path / "shared"))
    yield
    provider.plugin_folder.cache_clear()


def put_provider(folder):
    file = folder / BINARY
    file.parent.mkdir(parents=True)
    file.touch()
    return folder


def test_the_named_folder_wins(monkeypatch, tmp_path):
    put_provider(tmp_path / "home" / ".terraform.d" / "plugins")
    named = put_provider(tmp_path / "named")
    monkeypatch.setenv("TF_PLUGIN_DIR", str(named))
    assert provider.plugin_folder() == named


@pytest.mark.parametrize(
    "mirror",
    [
        "home/.terraform.d/plugins",
        "home/.local/share/terraform/plugins",
        "shared/terraform/plugins",
    ],
)
def test_terraforms_implied_mirrors_are_searched(tmp_path, mirror):
    put_provider(tmp_path / mirror)
    assert provider.plugin_folder() == tmp_path / mirror


def test_a_named_folder_without_provider_is_passed_over(monkeypatch, tmp_path):
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("TF_PLUGIN_DIR", str(tmp_path / "empty"))
    mirror = put_provider(tmp_path / "home" / ".terraform.d" / "plugins")
    assert provider.plugin_folder() == mirror


def test_no_credentials_of_the_caller_reach_terraform(monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
    monkeypatch.setenv("TF_VAR_environment", "prod")
    found = provider.environ(AWS_ACCESS_KEY_ID="test")
    assert found["AWS_ACCESS_KEY_ID"] == "test"
    assert not {"AWS_PROFILE", "TF_VAR_environment"} & set(found)


def test_a_configuration_file_that_is_not_there_is_left_out(monkeypatch, tmp_path):
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(tmp_path / "missing"))
    assert provider.environ()["TF_CLI_CONFIG_FILE"] == os.devnull
    (tmp_path / "there").touch()
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(tmp_path / "there"))
    assert provider.environ()["TF_CLI_CONFIG_FILE"] == str(tmp_path / "there")


def test_the_lock_file_has_checksums_and_no_address_but_the_source():
    text = (TERRAFORM / ".terraform.lock.hcl").read_text(encoding="utf-8")
    assert re.findall(r'provider "(.*)"', text) == ["registry.terraform.io/hashicorp/aws"]
    assert text.count('"h1:') >= 1
    assert text.count('"zh:') == 15  # one for each platform of the release
    assert "://" not in text
