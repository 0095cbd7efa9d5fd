"""This room records the cloth bit for bit beside the running line."""
