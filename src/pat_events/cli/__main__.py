"""``python -m pat_events.cli``."""

from pat_events.cli import main

if __name__ == "__main__":
    main()
