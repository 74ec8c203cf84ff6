"""Events as Avro, for consumers that do not speak Protobuf; schemas are made from the classes."""
