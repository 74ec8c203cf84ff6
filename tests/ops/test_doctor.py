import sys

import pytest
import yaml

from pat_events import Config, KafkaConfig
from pat_events.demo import sites
from pat_events.ops.cluster import Cluster
from pat_events.ops.doctor import Outcome, examine


def outcomes(*named):
    return {check.name: check for check in examine(*named)}


def test_without_a_broker_named_the_rest_is_still_examined(monkeypatch):
    monkeypatch.delenv("PAT_EVENTS_BOOTSTRAP_SERVERS", raising=False)
    found = outcomes()
    assert found["configuration"].outcome is Outcome.WRONG
    assert found["configuration"].advice
    assert found["protobuf"].outcome is Outcome.FINE
    assert "connection" not in found


@pytest.mark.parametrize(
    ("group", "publishes", "finding", "is_about_groups"),
    [
        ("email-procesor", [], "no group 'email-procesor'; did you mean 'email-processor'?", True),
        (None, ["EmailRecieved"], "did you mean 'EmailReceived'?", False),
    ],
)
def test_a_service_the_catalogue_does_not_have_is_told_where_to_add_it(
    group, publishes, finding, is_about_groups
):
    found = outcomes("127.0.0.1:1", None, group, publishes)
    assert found["catalogue"].outcome is Outcome.WRONG
    assert finding in found["catalogue"].finding
    assert ("add the group under 'groups'" in found["catalogue"].advice) is is_about_groups


def test_a_broken_catalogue_is_named_by_line(tmp_path):
    path = tmp_path / "catalog.yaml"
    path.write_text("version: 1\ntopics: 3\n")
    found = outcomes("127.0.0.1:1", path)
    assert found["catalogue"].outcome is Outcome.WRONG
    assert f"{path}:2:" in found["catalogue"].finding


def test_the_catalogue_of_the_environment_is_examined_also_where_another_setting_is_wrong(
    tmp_path, monkeypatch
):
    path = tmp_path / "catalog.yaml"
    path.write_text("version: 1\ntopics: 3\n")
    monkeypatch.setenv("PAT_EVENTS_CATALOG", str(path))
    monkeypatch.setenv("PAT_EVENTS_LINGER_S", "soon")
    found = outcomes("127.0.0.1:1")
    assert found["configuration"].outcome is Outcome.WRONG
    assert f"{path}:2:" in found["catalogue"].finding


@pytest.mark.parametrize(
    ("codec", "outcome"), [("protobuf", Outcome.UNKNOWN), ("avro", Outcome.WRONG)]
)
def test_avro_that_cannot_be_used_is_wrong_only_where_it_is_to_be_written(
    monkeypatch, codec, outcome
):
    monkeypatch.setenv("PAT_EVENTS_CONNECT_TIMEOUT_S", "0.1")
    monkeypatch.setitem(sys.modules, "fastavro", None)
    monkeypatch.delitem(sys.modules, "pat_events.codecs.avro.codec", raising=False)
    monkeypatch.setenv("PAT_EVENTS_CODEC", codec)
    found = outcomes("127.0.0.1:1")
    assert found["avro"].outcome is outcome


def test_an_absent_broker_is_one_finding(monkeypatch):
    monkeypatch.setenv("PAT_EVENTS_CONNECT_TIMEOUT_S", "0.3")
    found = outcomes("127.0.0.1:1")
    assert found["connection"].outcome is Outcome.WRONG
    assert "127.0.0.1:1" in found["connection"].finding
    assert list(found)[-1] == "connection"


@pytest.mark.parametrize("wrong", ["client.foo=bar", "security.protocol=xx", "group.id=x"])
def test_a_client_property_that_cannot_be_is_no_matter_of_permissions(monkeypatch, wrong):
    monkeypatch.setenv("PAT_EVENTS_CLIENT_PROPERTIES", wrong)
    check = list(examine("127.0.0.1:1"))[-1]
    assert (check.name, check.outcome) == ("client properties", Outcome.WRONG)
    assert "PAT_EVENTS_CLIENT_PROPERTIES" in check.advice


@pytest.mark.kafka
def test_missing_topics_are_listed(kafka_broker, tmp_path):
    path = tmp_path / "catalog.yaml"
    path.write_text(yaml.safe_dump(sites._own_catalog("-absent")))
    found = outcomes(kafka_broker.bootstrap_servers, path)
    assert found["connection"].outcome is Outcome.FINE
    assert found["topics"].outcome is Outcome.WRONG
    assert "pat-emails-absent.email-processor-absent.dlq" in found["topics"].finding
    assert found["permissions"].outcome is Outcome.UNKNOWN


@pytest.mark.kafka
def test_a_cluster_as_the_catalogue_wants_it_is_fine(kafka_broker, monkeypatch):
    servers = kafka_broker.bootstrap_servers
    with sites.on_cluster(Config(), Cluster(KafkaConfig(bootstrap_servers=servers))) as site:
        found = outcomes(servers, site.config.catalog)
        monkeypatch.setenv("PAT_EVENTS_MAX_EVENT_BYTES", "1500000")
        too_large = outcomes(servers, site.config.catalog)
    assert {check.outcome for check in found.values()} == {Outcome.FINE}
    assert too_large["topic settings"].outcome is Outcome.WRONG
