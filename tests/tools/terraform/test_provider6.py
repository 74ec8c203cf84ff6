"""What terraform/ uses of the AWS provider is in version 6 as well, by name."""

from __future__ import annotations

import json
import re

import pytest

from tools.terraform.provider6 import FOUND, Schema
from tools.terraform.usage import of_file, used
from tools.terraform.workspace import TERRAFORM

CODE = """
function thingSizeToTerraform(struct) {
    return {
        gib: cdktf.numberToTerraform(struct.gib),
    };
}
function thingSizeToHclTerraform(struct) {
    const attrs = {
        hcl: {},
    };
}
class Thing extends cdktf.TerraformResource {
    get arn() {
        return this.getStringAttribute('arn');
    }
    synthesizeAttributes() {
        return {
            name: cdktf.stringToTerraform(this._name),
            size: cdktf.listMapper(thingSizeToTerraform, true)(this._size.internalValue),
        };
    }
    providerVersion: '6.0.1'
}
"""
DECLARED = """
export interface ThingConfig extends cdktf.TerraformMetaArguments {
    /**
    * Docs at Terraform Registry: {@link https://x/thing#name Thing#name}
    */
    readonly name: string;
    /**
    * Docs at Terraform Registry: {@link https://x/thing#size Thing#size}
    */
    readonly size?: ThingSize[];
}
"""


def test_every_name_in_use_was_found_in_version_6():
    found = json.loads(FOUND.read_text())

    assert found["found"] == used(), "run tools/terraform/provider6.py, its docstring says how"
    assert found["provider"].startswith("6.")


def test_every_module_takes_both_versions():
    constraints = {
        file.relative_to(TERRAFORM): version
        for file in TERRAFORM.rglob("versions.tf")
        for version in re.findall(r'^ +version = "(.*)"', file.read_text(), re.MULTILINE)
    }

    assert len(constraints) > 10
    assert set(constraints.values()) == {">= 5.100, < 7"}


@pytest.mark.parametrize("name", ["name", "size", "size.gib", "=arn", "=name"])
def test_a_binding_tells_arguments_of_blocks_and_attributes(name):
    assert Schema(CODE, DECLARED).has(name)


@pytest.mark.parametrize("name", ["nam", "gib", "size.hcl", "size.gib.x", "=size_gib"])
def test_a_binding_tells_what_is_not_there(name):
    assert not Schema(CODE, DECLARED).has(name)


def test_a_binding_tells_what_is_required():
    assert Schema(CODE, DECLARED).required == ["name"]


def test_arguments_of_blocks_and_attributes_are_found_in_a_file(tmp_path):
    file = tmp_path / "main.tf"
    file.write_text("""resource "aws_thing" "this" {
  for_each = local.things

  name = join(",", [
    for part in each.value : part.title
  ])
  tags = { Name = "x" }

  dynamic "size" {
    for_each = [1]
    content {
      gib = size.value
      empty {}
    }
  }

  lifecycle {
    ignore_changes = [name]
  }
}

locals {
  arns  = [for key, thing in aws_thing.this : thing.arn]
  first = aws_thing.this["a"].url
}
""")

    assert set(of_file(file)) == {
        ("aws_thing", name)
        for name in ("name", "tags", "size", "size.gib", "size.empty", "=arn", "=url")
    }
