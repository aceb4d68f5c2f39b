"""How much data is needed: growing parts of the rows, trained and asked (`growing`); what is drawn from; the page."""
