"""Events to payloads, for a test that does not care for which type an encoder is."""


def encode(codec, event):
    return codec.encoder(type(event))(event)
