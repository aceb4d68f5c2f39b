"""Rules that write questions about sentences and headings, and check that a person would ask so."""
