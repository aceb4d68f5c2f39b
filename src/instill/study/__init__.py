"""Questions over a workspace's own documents, written by rules or read from a file, and study sets made of them.

Public face: `write_questions` and `read_questions` in `instill.study.quick_questions`; `make_study` in
`instill.study.study_making`, `open_study` in `instill.study.stored_study`.
"""
