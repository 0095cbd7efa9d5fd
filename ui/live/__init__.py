"""The operator's page: cloth as it passes, what was found on it, and the controls of the roll."""
