"""What tests of several folders share; fixtures are in the conftest files."""
