"""This room holds the commands that make recordings of cloth and judge them again."""
