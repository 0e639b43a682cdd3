"""``python -m modelmux.cli``."""

from modelmux.cli import main

if __name__ == "__main__":
    main()
