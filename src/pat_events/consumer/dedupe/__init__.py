"""Events that come twice are handled once: claimed before, completed after."""
