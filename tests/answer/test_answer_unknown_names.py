"""What is asked to be done with a tool that no document holds is not answered with another one."""

from __future__ import annotations

from pathlib import Path

import pytest

from instill import Workspace

PAGE = """# Firewall

To open port 443, run `iptables -A INPUT -p tcp --dport 443 -j ACCEPT` on the gateway in the morning. The
traffic of eth0 is limited by night.

Files are encrypted with pwhash before they are stored. The commands git-add, git-am and git-rebase change files.
"""


@pytest.fixture(scope="module")
def kb(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("unknown")
    (folder / "firewall.md").write_text(PAGE, encoding="utf-8")
    workspace = Workspace.init(Path(folder) / "kb")
    workspace.add([folder / "firewall.md"])
    return workspace


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("How do I open port 443 with ufw?", "ufw"),
        ("open port 443 in nftables", "nftables"),
        ("How do I encrypt files with git-crypt?", "git-crypt"),
        ("How do I open port 443 using the fw-tool?", "fw-tool"),
        ("How do I use iptables nextest to open port 443?", "nextest"),
    ],
)
def test_an_unknown_name_is_said(kb: Workspace, question: str, name: str) -> None:
    answer = kb.ask(question)
    assert answer.abstained
    assert f'No document holds "{name}".' in answer.text


@pytest.mark.parametrize(
    "question",
    [
        "How do I open port 443 with iptables?",
        "How do I open port 443 in the morning?",
        "How do I open port 443 on teh gateway?",
        "How is port 443 opened in iptables, by wich command?",
        "Are files encrypted with pwhash?",
        "How is port 443 opened on the gateway of eth0?",
        "When is the traffic of eth0 limited?",
        "pls open port 443 on the gateway thx",
    ],
)
def test_what_documents_or_dictionaries_hold_is_known(kb: Workspace, question: str) -> None:
    answer = kb.ask(question)
    assert not answer.abstained
    assert "No document holds" not in " ".join(answer.notices)
