"""This package grades rolls: rules as versioned data, points with their reasons, severity, the running grade.

Nothing in it knows the database or a screen.
"""
