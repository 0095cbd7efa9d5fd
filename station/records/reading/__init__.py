"""This room reads records that are not as they should be: rows with spoilt values, homes that nobody may write to."""
