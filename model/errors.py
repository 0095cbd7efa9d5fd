"""This module holds the error that the model's modules raise."""


class ModelError(Exception):
    """This error says in one plain sentence what happened, to which model, checkpoint or data set, and what to do."""
