"""The sections of the page, each made from the report; `page.py` names them in their order."""
