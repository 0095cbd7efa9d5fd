"""This room follows a roll through its life: begun, named, marked on its way, left by a crash, resumed."""
