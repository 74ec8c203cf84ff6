"""The stub refuses what MSK refuses, seen through AWS's own client."""

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.httpsession import URLLib3Session

from tools.terraform.msk_stub import Stub

PROPERTIES = b"auto.create.topics.enable=false"


@pytest.fixture
def stub():
    with Stub() as started:
        yield started


@pytest.fixture
def client(stub):
    def of(service):
        session = boto3.session.Session("test", "test", region_name="eu-west-1")
        return session.client(
            service,
            endpoint_url=stub.url,
            config=Config(retries={"total_max_attempts": 1}, connect_timeout=30, read_timeout=30),
        )

    return of


@pytest.fixture
def kafka(client):
    return client("kafka")


def configure(kafka, name="pat-3-9", version="3.9.x.kraft"):
    return kafka.create_configuration(
        Name=name, KafkaVersions=[version], ServerProperties=PROPERTIES
    )["Arn"]


def create(kafka, configuration, version="3.9.x.kraft"):
    return kafka.create_cluster(
        ClusterName="pat",
        KafkaVersion=version,
        NumberOfBrokerNodes=3,
        BrokerNodeGroupInfo={
            "ClientSubnets": ["a", "b", "c"],
            "InstanceType": "kafka.m7g.large",
            "StorageInfo": {"EbsStorageInfo": {"VolumeSize": 100}},
        },
        ConfigurationInfo={"Arn": configuration, "Revision": 1},
    )["ClusterArn"]


def refusal(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"]


def test_a_configuration_in_use_cannot_be_deleted(kafka):
    configuration = configure(kafka)
    cluster = create(kafka, configuration)

    assert refusal(kafka.delete_configuration, Arn=configuration) == "BadRequestException"

    kafka.delete_cluster(ClusterArn=cluster)
    kafka.delete_configuration(Arn=configuration)


def test_a_configurations_name_is_taken_once(kafka):
    configure(kafka)

    assert refusal(configure, kafka=kafka) == "ConflictException"


def test_a_call_that_is_repeated_for_want_of_an_answer_is_done_once(kafka, stub):
    def lose_an_answer(request, **_):
        URLLib3Session().send(request)  # the client sends it once more

    kafka.meta.events.register("before-send.kafka.CreateConfiguration", lose_an_answer)

    configuration = configure(kafka)

    assert stub.left == [configuration]


def test_a_cluster_needs_a_configuration_for_its_kafka_version(kafka):
    configuration = configure(kafka)

    assert (
        refusal(create, kafka=kafka, configuration=configuration, version="4.0.x.kraft")
        == "BadRequestException"
    )


def test_an_update_of_a_cluster_seen_in_an_older_state_is_refused(kafka):
    later = configure(kafka, "pat-4-0", "4.0.x.kraft")
    cluster = create(kafka, configure(kafka))
    update = {
        "ClusterArn": cluster,
        "CurrentVersion": kafka.describe_cluster(ClusterArn=cluster)["ClusterInfo"][
            "CurrentVersion"
        ],
        "TargetKafkaVersion": "4.0.x.kraft",
        "ConfigurationInfo": {"Arn": later, "Revision": 1},
    }

    kafka.update_cluster_kafka_version(**update)

    assert refusal(kafka.update_cluster_kafka_version, **update) == "BadRequestException"


def test_volumes_grow_by_themselves(stub, kafka):
    cluster = create(kafka, configure(kafka))

    stub.grow_volumes(50)

    described = kafka.describe_cluster(ClusterArn=cluster)["ClusterInfo"]
    assert described["BrokerNodeGroupInfo"]["StorageInfo"]["EbsStorageInfo"]["VolumeSize"] == 150


def test_a_missing_configuration_is_a_bad_request_and_a_missing_cluster_is_not_found(kafka):
    nobody = "arn:aws:kafka:eu-west-1:000000000000:cluster/nobody/1"

    assert refusal(kafka.describe_configuration, Arn=nobody) == "BadRequestException"
    assert refusal(kafka.describe_cluster, ClusterArn=nobody) == "NotFoundException"


def test_a_plugin_of_a_connector_cannot_be_deleted(client):
    connect = client("kafkaconnect")
    plugin = connect.create_custom_plugin(
        name="sink",
        contentType="ZIP",
        location={"s3Location": {"bucketArn": "arn:aws:s3:::plugins", "fileKey": "sink.zip"}},
    )["customPluginArn"]
    connector = connect.create_connector(
        connectorName="archive",
        capacity={"provisionedCapacity": {"mcuCount": 1, "workerCount": 1}},
        connectorConfiguration={},
        kafkaCluster={
            "apacheKafkaCluster": {
                "bootstrapServers": "b-1:9098",
                "vpc": {"subnets": ["a"], "securityGroups": ["sg"]},
            }
        },
        kafkaClusterClientAuthentication={"authenticationType": "IAM"},
        kafkaClusterEncryptionInTransit={"encryptionType": "TLS"},
        kafkaConnectVersion="3.7.x",
        plugins=[{"customPlugin": {"customPluginArn": plugin, "revision": 1}}],
        serviceExecutionRoleArn="arn:aws:iam::000000000000:role/connector",
    )["connectorArn"]

    assert refusal(connect.delete_custom_plugin, customPluginArn=plugin) == "BadRequestException"

    connect.delete_connector(connectorArn=connector)
    connect.delete_custom_plugin(customPluginArn=plugin)


def test_a_policy_needs_its_scalable_target(client):
    scaling = client("application-autoscaling")

    assert (
        refusal(
            scaling.put_scaling_policy,
            PolicyName="storage",
            ServiceNamespace="kafka",
            ResourceId="arn",
            ScalableDimension="kafka:broker-storage:VolumeSize",
        )
        == "ObjectNotFoundException"
    )


@pytest.fixture
def functions(client):
    return client("lambda")


def mapping(cluster, **more):
    return {
        "FunctionName": "arn:aws:lambda:eu-west-1:000000000000:function:f",
        "EventSourceArn": cluster,
        "Topics": ["t"],
        "StartingPosition": "LATEST",
        "AmazonManagedKafkaEventSourceConfig": {"ConsumerGroupId": "g"},
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "ProvisionedPollerConfig": {"MinimumPollers": 1},
        **more,
    }


def test_a_topics_partial_answer_needs_provisioned_mode(functions, kafka, stub):
    wanted = mapping(create(kafka, configure(kafka)))
    on_demand = {key: value for key, value in wanted.items() if key != "ProvisionedPollerConfig"}

    assert (
        refusal(functions.create_event_source_mapping, **on_demand)
        == "InvalidParameterValueException"
    )
    made = functions.create_event_source_mapping(**wanted)
    assert made["State"] == "Enabled"
    assert made["UUID"] in stub.left

    paused = functions.update_event_source_mapping(UUID=made["UUID"], Enabled=False)
    assert paused["State"] == "Disabled"
    functions.delete_event_source_mapping(UUID=made["UUID"])
    assert made["UUID"] not in stub.left


def test_a_mapping_has_a_cluster_and_a_group_of_its_own(functions, kafka):
    cluster = create(kafka, configure(kafka))
    functions.create_event_source_mapping(**mapping(cluster))

    for refused in (mapping(f"{cluster}2"), mapping(cluster, Topics=["u"])):
        assert (
            refusal(functions.create_event_source_mapping, **refused)
            == "InvalidParameterValueException"
        )


def test_what_lambda_is_asked_besides_is_passed_on():
    with Stub() as other, Stub(other.url) as stub:
        session = boto3.session.Session("test", "test", region_name="eu-west-1")
        asked = session.client(
            "lambda", endpoint_url=stub.url, config=Config(retries={"total_max_attempts": 1})
        )

        assert refusal(asked.get_function, FunctionName="f") == "NotImplemented"
        assert other.unknown_calls == ["GET /2015-03-31/functions/f"]
        assert stub.unknown_calls == []


def test_a_call_the_stub_does_not_know_is_reported(stub, kafka):
    refusal(kafka.list_kafka_versions)

    assert stub.unknown_calls == ["GET /v1/kafka-versions"]


def test_what_was_not_deleted_is_reported(stub, kafka):
    configuration = configure(kafka)
    assert stub.left == [configuration]

    kafka.delete_configuration(Arn=configuration)
    assert stub.left == []
