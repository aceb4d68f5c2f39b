"""`python -I -S warm_command.py SOCKET ARGUMENTS`: one command, run by warm_server.py; exits as the command did."""

import json
import os
import socket
import sys


def main() -> None:
    asked = {"arguments": sys.argv[2:], "folder": os.getcwd(), "environment": dict(os.environ)}  # noqa: PTH109
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(sys.argv[1])
        message = json.dumps(asked).encode() + b"\n"
        sent = socket.send_fds(server, [message], [0, 1, 2])
        server.sendall(message[sent:])
        with server.makefile() as said:
            said.readline()  # the number of its process
            sys.exit(int(said.readline()))


if __name__ == "__main__":
    main()
