"""How settings are read from the environment and checked, whatever they are for."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Literal

import pytest

from pat_events import Config, KafkaConfig
from pat_events.core.spelling import nearest
from pat_events.errors import ConfigError
from pat_events.settings import _NEARLY, Settings, env_variable


@dataclass(frozen=True, slots=True, kw_only=True)
class Lamp(Settings):
    """One field of each type."""

    lamp_socket: str = field(metadata={"missing": "no socket is named"})
    lamp_lit: bool = False
    lamp_watts: int = 40
    lamp_delay_s: float = 0.5
    lamp_shade: Literal["paper", "glass"] = "paper"
    lamp_manual: Path | str | None = None
    lamp_maker: str | None = None
    lamp_dimmed: bool | None = None

    def _check(self) -> None:
        if self.lamp_watts > 100:
            raise ConfigError(f"lamp_watts is {self.lamp_watts}: use at most 100")


def lamp(**settings):
    return Lamp(**{"lamp_socket": "E27"} | settings)


def from_env(**variables):
    environ = {env_variable(f"lamp_{name}"): value for name, value in variables.items()}
    return Lamp.from_env({"PAT_EVENTS_LAMP_SOCKET": "E27"} | environ)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        *(("lit", text, True) for text in ("true", "True", "1", "yes", "on", " ON ")),
        *(("dimmed", text, False) for text in ("false", "FALSE", "0", "no", "off")),
        ("watts", "60", 60),
        ("watts", " 60 ", 60),
        ("delay_s", "2", 2.0),
        ("delay_s", "1e-3", 0.001),
        ("shade", "glass", "glass"),
        ("manual", "/lamp.txt", Path("/lamp.txt")),
        ("maker", "0", "0"),
        ("maker", " me ", " me "),
    ],
)
def test_text_is_read_by_the_type_of_its_field(name, text, value):
    read = getattr(from_env(**{name: text}), f"lamp_{name}")
    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("lit", "maybe", "PAT_EVENTS_LAMP_LIT is 'maybe': use true or false"),
        ("lit", "2", "PAT_EVENTS_LAMP_LIT is '2': use true or false"),
        ("watts", "1.5", "PAT_EVENTS_LAMP_WATTS is '1.5': a whole number is expected"),
        ("watts", "many", "PAT_EVENTS_LAMP_WATTS is 'many': a whole number is expected"),
        ("watts", "500", "PAT_EVENTS_LAMP_WATTS is 500: use at most 100"),
        ("delay_s", "soon", "PAT_EVENTS_LAMP_DELAY_S is 'soon': a number is expected"),
        ("shade", "iron", "PAT_EVENTS_LAMP_SHADE is 'iron': use one of paper, glass"),
    ],
)
def test_a_variable_that_cannot_be_used_is_named(name, text, words):
    with pytest.raises(ConfigError) as refused:
        from_env(**{name: text})
    assert str(refused.value).startswith(words)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("lit", "true", "is 'true', of type str: give True or False (bool)"),
        ("lit", 1, "is 1, of type int: give True or False (bool)"),
        ("lit", None, "is None, of type NoneType: give True or False (bool)"),
        ("watts", "60", "is '60', of type str: give a whole number (int)"),
        ("watts", 60.0, "is 60.0, of type float: give a whole number (int)"),
        ("watts", True, "is True, of type bool: give a whole number (int)"),
        ("watts", None, "is None, of type NoneType: give a whole number (int)"),
        ("delay_s", "5", "is '5', of type str: give a number (int or float)"),
        ("delay_s", True, "is True, of type bool: give a number (int or float)"),
        ("shade", ["paper"], "is ['paper']: use one of paper, glass"),
        ("shade", None, "is None: use one of paper, glass"),
        ("manual", 5, "is 5, of type int: give a path (str or Path)"),
        ("manual", b"x", "is b'x', of type bytes: give a path (str or Path)"),
        ("manual", "", "is empty: give the path of a file, or None"),
        ("maker", 5, "is 5, of type int: give text (str)"),
        ("watts", 500, "is 500: use at most 100"),
    ],
)
def test_a_value_of_another_type_is_refused_with_the_type_that_is_wanted(name, value, words):
    with pytest.raises(ConfigError) as refused:
        lamp(**{f"lamp_{name}": value})
    assert str(refused.value) == f"lamp_{name} {words}"


@pytest.mark.parametrize("empty", ["", " "])
def test_an_empty_variable_is_as_if_it_were_not_set(empty):
    variables = {env_variable(spec.name): empty for spec in fields(Lamp)}
    environ = variables | {"PAT_EVENTS_LAMP_SOCKET": "E27", "PAT_EVENTS_LAMP_WATT": empty}
    assert Lamp.from_env(environ) == lamp()
    with pytest.raises(ConfigError, match="no socket is named"):
        Lamp.from_env(variables)


def test_the_process_environment_is_read_by_default(monkeypatch):
    monkeypatch.setenv("PAT_EVENTS_TENANT_ID", "t-9")
    assert Config.from_env().tenant_id == "t-9"


def test_arguments_win_over_the_environment_and_none_does_not():
    environ = {"PAT_EVENTS_LAMP_SOCKET": "E27", "PAT_EVENTS_LAMP_WATTS": "hot"}
    found = Lamp.from_env(environ, lamp_socket=None, lamp_watts=5)
    assert (found.lamp_socket, found.lamp_watts) == ("E27", 5)


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("PAT_EVENTS_DELIVERY_TIMEOUT", "PAT_EVENTS_DELIVERY_TIMEOUT_S"),
        ("PAT_EVENTS_BOOTSTRAP_SERVER", "PAT_EVENTS_BOOTSTRAP_SERVERS"),
        ("PAT_EVENTS_CLIENT_PROPERTY_FILE", "PAT_EVENTS_CLIENT_PROPERTIES_FILE"),
    ],
)
@pytest.mark.parametrize("read", [Config, KafkaConfig])
def test_a_variable_that_looks_like_one_of_any_settings_is_refused_by_all(read, variable, meant):
    environ = {"PAT_EVENTS_BOOTSTRAP_SERVERS": "b:1", variable: "5"}
    with pytest.raises(ConfigError, match=f"unknown setting {variable}: did you mean {meant}?"):
        read.from_env(environ)


@pytest.mark.parametrize("read", [Config, KafkaConfig])
def test_variables_of_others_with_the_same_prefix_are_let_be(read):
    environ = {
        "PAT_EVENTS_BOOTSTRAP_SERVERS": "b:1",
        "PAT_EVENTS_LINGER_S": "0.005",
        "PAT_EVENTS_TENANT_ID": "",
        "PAT_EVENTS_REGISTRY_URL": "http://registry",
        "PAT_EVENTS_TEST_REQUIRE": "all",
        "PAT_EVENTS_STACK_DIR": "/somewhere",
    }
    assert read.from_env(environ) == read.from_env({"PAT_EVENTS_BOOTSTRAP_SERVERS": "b:1"})


def test_no_setting_is_taken_for_a_slip_where_the_class_it_is_of_was_not_loaded():
    ours, kafkas = (
        [env_variable(spec.name) for spec in fields(it)] for it in (Config, KafkaConfig)
    )
    assert not {*ours} & {*kafkas}
    for names, others in ((ours, kafkas), (kafkas, ours)):
        assert not [name for name in names if nearest(name, others, cutoff=_NEARLY)]
