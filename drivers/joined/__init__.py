"""This package joins several cameras across one web into one wide camera."""
