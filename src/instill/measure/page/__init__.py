"""What every page with figures is made of: pieces of HTML, charts, a style, numbers and texts that are safe to show."""
