"""This room keeps the history of alarms: one alarm per cause, with when it was raised, answered and gone."""
