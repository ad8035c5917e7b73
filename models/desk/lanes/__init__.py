"""What the desk knows of the lanes: how far each is, and whose record is next.

``desk_time`` is the time by which the desk decides; ``lane_times`` what is read of the lanes, and which are late.
``lane_order`` holds their records until their turn; begin there.
"""
