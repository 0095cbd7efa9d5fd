"""This room keeps what is known of defects: what the line tells, what people say, how they are counted and found."""
