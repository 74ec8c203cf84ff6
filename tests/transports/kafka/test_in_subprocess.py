"""Questions that may end the process which asks them."""

from __future__ import annotations

import os
import re

import pytest

from pat_events import KafkaConfig
from pat_events.errors import ConfigError, NotPermittedError, TransportError, TransportTimeoutError
from pat_events.ops.cluster import Cluster
from pat_events.ops.lag import memberships
from pat_events.transports.kafka import coordinator, in_subprocess
from pat_events.transports.kafka.in_subprocess import ask_in_subprocess

CONFIG = KafkaConfig(bootstrap_servers="127.0.0.1:1")


def adds(client, first, second):
    return first + second


def refuses(client):
    raise NotPermittedError("no right to groups")


def aborts(client, tries):
    with tries.open("a") as file:
        file.write("once ")
    os.abort()


def fails(client):
    raise ValueError("not foreseen")


def waits(client):
    while True:
        pass


def aborts_about_groups(client, groups):
    os.abort()


def test_an_answer_is_returned_and_a_refusal_raised():
    assert ask_in_subprocess(CONFIG, adds, 1, second=2) == 3
    with pytest.raises(NotPermittedError, match="no right to groups"):
        ask_in_subprocess(CONFIG, refuses)


def test_a_process_that_is_ended_is_begun_once_more_and_then_told(tmp_path):
    tries = tmp_path / "tries"
    with pytest.raises(TransportError, match=r"SIGABRT has ended the process that asks, twice"):
        ask_in_subprocess(CONFIG, aborts, tries)
    assert tries.read_text() == "once once "


def test_what_nobody_foresaw_is_told_and_not_tried_again():
    with pytest.raises(TransportError, match=r"groups' coordinator: .*: ValueError: not foreseen"):
        ask_in_subprocess(CONFIG, fails)


def test_one_that_does_not_end_is_ended(monkeypatch):
    monkeypatch.setattr(in_subprocess, "_LIFE_S", 1.5)
    with pytest.raises(TransportTimeoutError, match=r"no answer in 1\.5 s"):
        ask_in_subprocess(CONFIG, waits)


def test_settings_that_no_other_process_can_have_are_refused():
    config = KafkaConfig(
        bootstrap_servers="127.0.0.1:1", client_properties={"stats_cb": lambda _: None}
    )
    with pytest.raises(ConfigError, match="out of reach of another process"):
        ask_in_subprocess(config, adds, 1, 2)


def test_of_a_group_whose_members_cannot_be_told_the_reason_is(kafka, monkeypatch):
    monkeypatch.setattr(coordinator, "memberships", aborts_about_groups)
    told = memberships(Cluster(kafka.config()), ["one", "other"])
    assert {name: bool(re.search("SIGABRT", str(it))) for name, it in told.items()} == {
        "one": True,
        "other": True,
    }
