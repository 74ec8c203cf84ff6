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
    assert '\n| `name` | What it is called: "x". | `string` | needed |\n' in text
    default = '`{ a = { targets = ["{"] } }`'
    assert f"\n| `rules` | What goes where. | [below](#rules) | {default} |\n" in text
    assert (
        "\n### rules\n\n```hcl\nmap(object({\n  targets = optional(list(string), [])\n}))" in text
    )
    assert "\n| `arn` | Its ARN. |\n" in text


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


def test_an_input_of_the_root_has_the_type_that_the_module_of_inputs_gives_it(module):
    typed = module.parent / "inputs"
    typed.mkdir()
    readme = typed / "README.md"
    readme.write_text("# inputs\n")
    root = typed.parents[1]
    (typed / "variables.tf").write_text(
        'variable "parts" {\n  type = object({\n    first = optional(string)\n  })\n}\n'
    )
    (root / "variables.tf").write_text('variable "parts" {\n  type = any\n}\n')
    docs.write()
    for text in ((root / "README.md").read_text(), readme.read_text()):
        assert "### parts\n\n```hcl\nobject({\n  first = optional(string)\n})\n```" in text


def test_a_bar_in_a_description_ends_no_cell(module):
    file = module / "variables.tf"
    file.write_text(file.read_text() + 'variable "or" {\n  description = "a|b"\n}\n')
    docs.write()
    assert "| `or` | a&#124;b | `any` | needed |" in (module / "README.md").read_text()
