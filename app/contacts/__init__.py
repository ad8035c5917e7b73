"""``holdfast contacts``: manual instructions on who is not contacted, and who is in spite of caps."""
