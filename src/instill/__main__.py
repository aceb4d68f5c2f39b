"""`python -m instill` is the command `instill`."""

from instill.cli.main import run

if __name__ == "__main__":
    run()
