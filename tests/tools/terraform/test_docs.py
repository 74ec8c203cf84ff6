from __future__ import annotations

import pytest

from tools.terraform import docs
from tools.terraform.report import Stage

VARIABLES = """variable "rules" {
  description = <<-EOT
    What goes
    where.
  EOT
  type = map(object({
    targets = optional(list(string), [])
  }))
  default = {
    a = { targets = ["{"] }
  }

  validation {
    condition     = true
    error_message = "never"
  }
}

variable "parts" {
  description = "Its parts."
  # object({
  #   first = optional(string)
  # })
  type    = any
  default = {}
}

variable "name" {
  description = "What it is called: \\"x\\"."
  type        = string
}
"""
OUTPUTS = """output "arn" {
  description = "Its ARN."
  value       = "arn"
}
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    monkeypatch.setattr(docs, "TERRAFORM", tmp_path)
    folder = tmp_path / "modules" / "thing"
    folder.mkdir(parents=True)
    (folder / "variables.tf").write_text(VARIABLES)
    (folder / "outputs.tf").write_text(OUTPUTS)
    for readme in docs.readmes():
        readme.write_text("# thing\n\nWhat it is for.\n")
    return folder


def test_a_written_readme_is_current_and_keeps_its_own_words(module):
    docs.write()
    text = (module / "README.md").read_text()
    assert text.startswith("# thing\n\nWhat it is for.\n\n<!--")
    stage = Stage("docs")
    docs.check(stage)
    assert not stage.faults


def test_every_input_says_type_default_and_need(module):
    docs.write()
    text = (module / "README.md").read_text()
    assert '### `name`\n\nWhat it is called: "x".\n\nRequired.\n\n```hcl\nstring\n```' in text
    assert '### `rules`\n\nWhat goes where.\n\nDefault: `{ a = { targets = ["{"] } }`.' in text
    assert "  targets = optional(list(string), [])\n}))" in text
    assert "### `arn`\n\nIts ARN." in text


def test_a_new_input_makes_the_readme_stale(module):
    docs.write()
    file = module / "variables.tf"
    file.write_text(file.read_text() + 'variable "more" {\n  type = bool\n}\n')
    stage = Stage("docs")
    docs.check(stage)
    (fault,) = stage.faults
    assert fault.startswith("modules/thing/README.md is not current")


def test_a_module_without_readme_is_a_fault(module):
    docs.write()
    (module / "README.md").unlink()
    stage = Stage("docs")
    docs.check(stage)
    (fault,) = stage.faults
    assert fault.startswith("modules/thing/README.md is missing")


def test_a_type_that_is_checked_by_hand_is_shown_as_it_is_said(module):
    docs.write()
    text = (module / "README.md").read_text()
    assert "```hcl\nobject({\n  first = optional(string)\n})\n```" in text
