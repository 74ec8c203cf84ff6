"""What an account has before the platform comes: a network, a function, a connector's plugin."""

from __future__ import annotations

import io
import zipfile
from typing import Any, NamedTuple

from tools.stack.localstack import client

REGION = "eu-west-1"  # the one of environments/local.tfvars
FUNCTION, ALIAS = "email-processor", "live"
ZONES = ("a", "b", "c")
PLUGIN_BUCKET, PLUGIN_KEY = "pat-plugins", "sink.zip"


class Account(NamedTuple):
    """Names of what was there.

    Args:
        vpc: The network.
        subnets: One subnet for each zone.
        spare_subnets: As many again, to move to.
        services: Security group of producers and consumers.
        function: ARN of the alias of a function the catalogue names. It cannot run here.
        plugins: Two versions of the plugin's object, the earlier one first.
    """

    vpc: str
    subnets: list[str]
    spare_subnets: list[str]
    services: str
    function: str
    plugins: list[str]


def furnish(endpoint_url: str) -> Account:
    """Create it all; the answer names it."""
    ec2 = client("ec2", endpoint_url, region_name=REGION)
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(
            VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"{REGION}{zone}"
        )["Subnet"]["SubnetId"]
        for number, zone in enumerate(ZONES * 2)
    ]
    services = ec2.create_security_group(
        GroupName="services", Description="Producers and consumers", VpcId=vpc
    )["GroupId"]
    return Account(
        vpc=vpc,
        subnets=subnets[: len(ZONES)],
        spare_subnets=subnets[len(ZONES) :],
        services=services,
        function=_function(client("lambda", endpoint_url, region_name=REGION)),
        plugins=_plugins(client("s3", endpoint_url, region_name=REGION)),
    )


def _function(functions: Any) -> str:  # noqa: ANN401 - boto3's clients have no types
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as file:
        file.writestr("handler.py", "")
    created = functions.create_function(
        FunctionName=FUNCTION,
        Runtime="python3.12",
        Handler="handler.run",
        Role="arn:aws:iam::000000000000:role/function",
        Code={"ZipFile": code.getvalue()},
        Publish=True,
    )
    alias = functions.create_alias(
        FunctionName=FUNCTION, Name=ALIAS, FunctionVersion=created["Version"]
    )
    return str(alias["AliasArn"])


def _plugins(s3: Any) -> list[str]:  # noqa: ANN401 - boto3's clients have no types
    s3.create_bucket(Bucket=PLUGIN_BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_versioning(Bucket=PLUGIN_BUCKET, VersioningConfiguration={"Status": "Enabled"})
    return [
        s3.put_object(Bucket=PLUGIN_BUCKET, Key=PLUGIN_KEY, Body=body)["VersionId"]
        for body in (b"a connector", b"a later one")
    ]
