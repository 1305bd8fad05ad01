"""The measured project, as every stack serves it: it imports nothing of ours but in ``shared``."""
