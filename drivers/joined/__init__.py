"""Several cameras across one web, played as one wide camera."""
