"""Protobuf files that exist only in a test."""

import subprocess
import sys

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClassesForFiles


@pytest.fixture(scope="session")
def compile_proto(tmp_path_factory):
    """Text of a .proto file to the descriptors of it and of what it imports."""

    def compile_text(text):
        folder = tmp_path_factory.mktemp("proto")
        (folder / "shop.proto").write_text(text, "utf-8")
        command = [
            *(sys.executable, "-m", "grpc_tools.protoc", f"--proto_path={folder}"),
            *("--include_imports", f"--descriptor_set_out={folder}/out", "shop.proto"),
        ]
        subprocess.run(command, check=True, timeout=60)
        return FileDescriptorSet.FromString((folder / "out").read_bytes())

    return compile_text


@pytest.fixture(scope="session")
def classes_of(compile_proto):
    """Text of a .proto file to its message classes, by full name."""

    def classes(text):
        pool = DescriptorPool()
        for file in compile_proto(text).file:
            pool.Add(file)
        return GetMessageClassesForFiles(["shop.proto"], pool)

    return classes
