"""Question -> `Answer`: claims with verbatim, checked spans of the documents, or an honest refusal.

`answerer.py` has the flow; `asked/`, `reading/`, `found/` and `said/` are its steps. Around it: `for_caller.py` makes
an `Answerer` for one caller, `searching.py` finds passages, `streaming.py` gives an answer while it is written,
`chat.py` keeps a conversation, `log.py` keeps an answer.

Public face: `Answerer` (in `instill.answer.answerer`), the types in `instill.answer.types`, and `safe_text` (in
`instill.answer.harmless_text`) for showing document text on a terminal or a page.
"""
