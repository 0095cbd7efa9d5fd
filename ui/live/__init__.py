"""This is the operator's page: it shows cloth as it passes, what was found on it, and the controls of the roll."""
