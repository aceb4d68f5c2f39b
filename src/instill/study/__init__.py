"""Questions over a workspace's own documents: written by rules, or read from a user's file.

Public face: `StudyQuestion`, `write_questions`, `read_questions` and `write_jsonl` in `instill.study.questions`.
"""
