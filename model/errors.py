"""The model's family of errors."""


class ModelError(Exception):
    """A fault of a model, checkpoint or data set, as one plain sentence: what happened, to what, what to do."""
