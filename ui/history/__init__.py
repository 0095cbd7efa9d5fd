"""This is QA's page: it shows rolls, their defects, and what people said of them."""
