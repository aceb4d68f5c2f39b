"""Who asks, and what they may: keys, logins, rates, and the limits of a request."""
