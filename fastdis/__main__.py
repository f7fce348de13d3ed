"""Let ``python -m fastdis`` be the command line."""

from .cli import main

if __name__ == "__main__":
    main()
