"""`python -m opengradient` is the same as `opengradient`."""

from opengradient.cli import main

if __name__ == "__main__":
    main()
