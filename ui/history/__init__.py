"""QA's page: rolls, their defects, and what people said of them."""
