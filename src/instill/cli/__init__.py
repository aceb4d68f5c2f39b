"""The commands, a file per group; no logic beyond arguments and printing. `main.run` is the entry point."""
